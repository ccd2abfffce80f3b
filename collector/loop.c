// SPDX-License-Identifier: Apache-2.0
//
// epoll, with an eventfd so that other threads can make the loop look up.
#include "collector/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

int loop_init(struct loop *l)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = NULL};

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0)
		return -errno;
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev)) {
		int err = -errno;

		loop_fini(l);
		return err;
	}
	return 0;
}

void loop_fini(struct loop *l)
{
	close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
}

static int control(struct loop *l, int op, struct loop_watch *w,
		   uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(l->epoll_fd, op, w->fd, &ev) ? -errno : 0;
}

int loop_add(struct loop *l, struct loop_watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, w, events);
}

int loop_rearm(struct loop *l, struct loop_watch *w, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, w, events);
}

void loop_remove(struct loop *l, struct loop_watch *w)
{
	// It can only fail for a descriptor that is not in the loop, which is
	// what the caller wants.
	(void)control(l, EPOLL_CTL_DEL, w, 0);
}

static void clear_wake(struct loop *l)
{
	uint64_t n;

	// -EAGAIN when another wake was cleared with this one.
	if (read(l->wake_fd, &n, sizeof(n)) < 0)
		return;
}

int loop_wait(struct loop *l, int timeout_ms)
{
	struct epoll_event ev;
	struct loop_watch *w;
	int n = epoll_wait(l->epoll_fd, &ev, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n)
		return 0;
	w = ev.data.ptr;
	if (w)
		w->fn(w->context, ev.events);
	else
		clear_wake(l);
	return 0;
}

void loop_wake(struct loop *l)
{
	uint64_t one = 1;

	// Full means that a wake is pending anyway.
	if (write(l->wake_fd, &one, sizeof(one)) < 0)
		return;
}
