// SPDX-License-Identifier: Apache-2.0
//
// A few hundred places: a look at all of them costs a microsecond.
#include "collector/http_slots.h"

#include "collector/pool.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

// Sitting still for so long may cost the place.
#define PATIENCE_NS 1000000000u

void http_slots_init(struct http_slots *s)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
}

void http_slots_fini(struct http_slots *s)
{
	pthread_mutex_destroy(&s->lock);
}

// The rest needs the lock.

// The younger one, if an older one's has been closed but not left yet.
static struct http_slot *find(struct http_slots *s, int fd)
{
	struct http_slot *found = NULL;

	for (unsigned i = 0; i < HTTP_SLOTS_MAX; i++) {
		struct http_slot *p = &s->list[i];

		if (p->is_taken && p->fd == fd &&
		    (!found || p->serial > found->serial))
			found = p;
	}
	return found;
}

static struct http_slot *find_free(struct http_slots *s)
{
	for (unsigned i = 0; i < HTTP_SLOTS_MAX; i++)
		if (!s->list[i].is_taken)
			return &s->list[i];
	return NULL;
}

// Those that count, of all on this side or of process PID.
static unsigned count(const struct http_slots *s, bool is_tcp, uint32_t pid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HTTP_SLOTS_MAX; i++) {
		const struct http_slot *p = &s->list[i];

		n += p->is_taken && !p->is_evicted && p->is_tcp == is_tcp &&
		     (!pid || p->pid == pid);
	}
	return n;
}

// Those that may lose their place, as descriptors to look at; returns how many.
static unsigned list_still(struct http_slots *s, bool is_tcp,
			   struct http_slot **ret_slots,
			   struct pollfd *ret_polls)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HTTP_SLOTS_MAX; i++) {
		struct http_slot *p = &s->list[i];

		if (!p->is_taken || p->is_evicted || p->is_serving ||
		    p->is_tcp != is_tcp)
			continue;
		ret_slots[n] = p;
		ret_polls[n++] = (struct pollfd){.fd = p->fd,
						 .events = POLLIN | POLLRDHUP};
	}
	return n;
}

// Makes room: whose peer has gone is as good as gone; else shuts the one down
// that has sat still for longest, unless it has said something that its thread
// has not read yet.
static void make_room(struct http_slots *s, bool is_tcp, uint32_t pid)
{
	struct http_slot *slots[HTTP_SLOTS_MAX], *found = NULL;
	struct pollfd polls[HTTP_SLOTS_MAX];
	unsigned n = list_still(s, is_tcp, slots, polls);
	uint64_t before_ns = pool_now_ns() - PATIENCE_NS;
	bool is_any_gone = false;

	if (poll(polls, n, 0) < 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		bool is_ours = !pid || slots[i]->pid == pid;

		if (polls[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) {
			slots[i]->is_evicted = true;
			is_any_gone |= is_ours;
		} else if (is_ours && !polls[i].revents &&
			   slots[i]->since_ns <= before_ns) {
			before_ns = slots[i]->since_ns;
			found = slots[i];
		}
	}
	if (is_any_gone || !found)
		return;
	found->is_evicted = true;
	// The library's thread sees the end of it, and closes.
	(void)shutdown(found->fd, SHUT_RDWR);
}

static bool has_room(struct http_slots *s, bool is_tcp, uint32_t pid)
{
	unsigned n_max = is_tcp ? HTTP_TCP_MAX : HTTP_MAX;

	if (pid && count(s, is_tcp, pid) >= HTTP_PER_PROCESS)
		make_room(s, is_tcp, pid);
	if (count(s, is_tcp, 0) >= n_max)
		make_room(s, is_tcp, 0);
	return (!pid || count(s, is_tcp, pid) < HTTP_PER_PROCESS) &&
	       count(s, is_tcp, 0) < n_max;
}

int http_slots_take(struct http_slots *s, int fd, bool is_tcp, uint32_t pid)
{
	struct http_slot *p = NULL;

	pthread_mutex_lock(&s->lock);
	if (has_room(s, is_tcp, pid))
		p = find_free(s);
	if (p)
		*p = (struct http_slot){.is_taken = true,
					.is_tcp = is_tcp,
					.fd = fd,
					.pid = pid,
					.since_ns = pool_now_ns(),
					.serial = ++s->n_taken};
	pthread_mutex_unlock(&s->lock);
	return p ? 0 : -EUSERS;
}

void http_slots_leave(struct http_slots *s, int fd)
{
	struct http_slot *p;

	pthread_mutex_lock(&s->lock);
	p = find(s, fd);
	if (p)
		p->is_taken = false;
	pthread_mutex_unlock(&s->lock);
}

uint64_t http_slots_serial(struct http_slots *s, int fd)
{
	struct http_slot *p;
	uint64_t serial;

	pthread_mutex_lock(&s->lock);
	p = find(s, fd);
	serial = p ? p->serial : 0;
	pthread_mutex_unlock(&s->lock);
	return serial;
}

void http_slots_leave_serial(struct http_slots *s, uint64_t serial)
{
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < HTTP_SLOTS_MAX; i++)
		if (s->list[i].serial == serial)
			s->list[i].is_taken = false;
	pthread_mutex_unlock(&s->lock);
}

void http_slots_serve(struct http_slots *s, int fd, bool is_serving)
{
	struct http_slot *p;

	pthread_mutex_lock(&s->lock);
	p = find(s, fd);
	if (p) {
		p->is_serving = is_serving;
		p->since_ns = pool_now_ns();
	}
	pthread_mutex_unlock(&s->lock);
}

bool http_slots_is_tcp(struct http_slots *s, int fd)
{
	struct http_slot *p;
	bool is;

	pthread_mutex_lock(&s->lock);
	p = find(s, fd);
	is = !p || p->is_tcp;
	pthread_mutex_unlock(&s->lock);
	return is;
}
