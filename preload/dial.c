// SPDX-License-Identifier: Apache-2.0
//
// A name proves nothing, and nobody at it is no error: who is there is asked
// for, and who is not is started.
#include "preload/dial.h"

#include "preload/launch.h"
#include "preload/say.h"
#include "preload/sys.h"
#include "proto/limits.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

// A collector takes milliseconds to start, on a busy machine tens of them: one
// pause is a fraction of what has been waited.
#define PAUSE_SHARE  32
#define PAUSE_MIN_NS 50000u
#define PAUSE_MAX_NS 1000000u

static uint64_t launched_ns; // when a hook last started a collector

// The collector must be the same user or root: a socket's name proves nothing.
static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return !sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer,
			 &n) &&
	       (!peer.uid || peer.uid == (uid_t)sys_call(SYS_geteuid));
}

int dial_once(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	long fd = sys_call(SYS_socket, AF_UNIX,
			   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	long err;

	if (fd < 0)
		return (int)fd;
	sys_copy(to.sun_path, name, strlen(name) + 1);
	err = sys_call(SYS_connect, fd, &to, sizeof(to));
	if (!err && !is_trusted((int)fd))
		err = -EPERM;
	if (!err)
		return (int)fd;
	sys_close((int)fd);
	return (int)err;
}

bool dial_is_nobody(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

static uint64_t pause_ns(uint64_t waited_ns)
{
	uint64_t ns = waited_ns / PAUSE_SHARE;

	if (ns < PAUSE_MIN_NS)
		return PAUSE_MIN_NS;
	return ns < PAUSE_MAX_NS ? ns : PAUSE_MAX_NS;
}

// Connects as soon as somebody answers, and a queue that is full (others may
// connect without end) has room. Gives up at UNTIL_NS, and when the collector
// that was launched for this has ended: had it ended for another one's sake,
// that one would answer.
static int wait_for_collector(const char *name, uint64_t until_ns,
			      bool is_launched)
{
	uint64_t start_ns = sys_slow_now_ns();

	for (;;) {
		bool is_over = is_launched && launch_is_over();
		int fd = dial_once(name);
		uint64_t now_ns = sys_slow_now_ns();

		if (!dial_is_nobody(fd) && fd != -EAGAIN)
			return fd;
		if (is_over && fd != -EAGAIN)
			return -ECHILD;
		if (now_ns >= until_ns)
			return -ETIMEDOUT; // worth another look soon
		sys_pause_ns(pause_ns(now_ns - start_ns));
	}
}

// Starts a collector and waits for it until UNTIL_NS.
static int start_collector(const char *name, uint64_t until_ns)
{
	int fd = launch_collector(name);

	if (!fd)
		fd = launch_wait();
	if (fd < 0) {
		say_error("no cprofd could be started");
		return fd;
	}
	fd = wait_for_collector(name, until_ns, true);
	if (fd == -ECHILD)
		say_error("cprofd has ended at once");
	return fd;
}

// Starts a collector and leaves it to a later hook to find it: one that can't
// be started, or ends at once, is tried again as rarely as any other.
static int start_collector_soon(const char *name)
{
	uint64_t now = sys_slow_now_ns();
	int err = 0;

	if (!launched_ns || now - launched_ns > HEARTBEAT_STALE_NS) {
		launched_ns = now;
		err = launch_collector(name);
	}
	return err ? err : -EINPROGRESS;
}

int dial(uint64_t until_ns)
{
	const char *name = launch_socket_name();
	int fd;

	if (!name) {
		say_error("the socket's name is longer than 107 bytes");
		return -ENAMETOOLONG;
	}
	fd = dial_once(name);
	if (fd == -EAGAIN)
		return until_ns ? wait_for_collector(name, until_ns, false)
				: -EINPROGRESS;
	if (!dial_is_nobody(fd))
		return fd;
	return until_ns ? start_collector(name, until_ns)
			: start_collector_soon(name);
}
