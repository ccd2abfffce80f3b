// SPDX-License-Identifier: Apache-2.0
//
// One message each way; every descriptor that was opened or came is closed
// again whatever happens.
#include "preload/greet.h"

#include "preload/sys.h"
#include "proto/limits.h"
#include "proto/version.h"
#include "proto/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

// The descriptors go on working in the collector after a chroot or a dropped
// uid.
int greet_send(int fd, const struct hello *h)
{
	static unsigned char bytes[WIRE_MESSAGE_MAX_BYTES];
	long n = hello_write(h, bytes, sizeof(bytes));
	struct iovec iov = {bytes, (size_t)n};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fds[WIRE_HELLO_FDS];

	if (n < 0)
		return (int)n;
	fds[0] = (int)sys_call(SYS_openat, AT_FDCWD, "/proc/self/maps",
			       O_RDONLY | O_CLOEXEC);
	fds[1] = (int)sys_call(SYS_openat, AT_FDCWD, "/proc/self/mem",
			       O_RDONLY | O_CLOEXEC);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	if (fds[0] < 0 || fds[1] < 0)
		n = -EBADF;
	else
		n = sys_call(SYS_sendmsg, fd, &msg, MSG_NOSIGNAL);
	sys_close(fds[0]);
	sys_close(fds[1]);
	return n == (long)iov.iov_len ? 0 : n < 0 ? (int)n : -EMSGSIZE;
}

bool greet_poll(int fd, int events, uint64_t until_ns)
{
	struct pollfd p = {.fd = fd, .events = (short)events};

	for (;;) {
		uint64_t now = sys_slow_now_ns();
		uint64_t left = now < until_ns ? until_ns - now : 0;
		struct timespec t = {(time_t)(left / 1000000000u),
				     (long)(left % 1000000000u)};
		long n = sys_call(SYS_ppoll, &p, 1, &t, 0, 0);

		if (n != -EINTR)
			return n > 0;
	}
}

bool greet_wait(int fd, uint64_t until_ns)
{
	return greet_poll(fd, POLLIN, until_ns);
}

// The descriptors in C, -1 for those that did not come.
static void take_fds(const struct cmsghdr *c, int ret_fds[WIRE_RING_FDS])
{
	size_t n_bytes;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	n_bytes = c->cmsg_len - CMSG_LEN(0);
	if (n_bytes <= WIRE_RING_FDS * sizeof(int))
		sys_copy(ret_fds, CMSG_DATA(c), n_bytes);
}

int greet_receive(int fd, uint64_t until_ns, int ret_fds[WIRE_RING_FDS])
{
	struct wire_header h;
	char reason[256];
	struct iovec iov[2] = {{&h, sizeof(h)}, {reason, sizeof(reason)}};
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(WIRE_RING_FDS * sizeof(int))];
	struct msghdr msg = {.msg_iov = iov,
			     .msg_iovlen = 2,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	long n;

	if (!greet_wait(fd, until_ns))
		return -ETIMEDOUT;
	n = sys_call(SYS_recvmsg, fd, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return (int)n;
	// First of all, so that no descriptor that came is ever lost.
	take_fds(CMSG_FIRSTHDR(&msg), ret_fds);
	if (n >= (long)sizeof(h) && h.magic == WIRE_MAGIC &&
	    h.version == PROTO_VERSION)
		return h.type;
	return -EPROTO;
}
