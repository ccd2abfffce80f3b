// SPDX-License-Identifier: Apache-2.0
//
// The word of goodbye is in the region; the doorbell only saves the collector
// from waiting for its next round.
#include "preload/goodbye.h"

#include "preload/conf.h"
#include "preload/dial.h"
#include "preload/greet.h"
#include "preload/launch.h"
#include "preload/ring.h"
#include "preload/session.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "proto/version.h"
#include "proto/wire.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/socket.h>

#define LOOK_EVERY 8u		 // waits of 50 ms
#define SILENCE_NS 1000000000ull // a collector visits four times as often
#define TRIES	   3		 // collectors that end one after the other

// A doorbell: the collector need not wait for its next round to look.
static void ring_doorbell(void)
{
	struct wire_header h = {.magic = WIRE_MAGIC,
				.version = PROTO_VERSION,
				.type = WIRE_BYE};
	unsigned char bytes[sizeof(h) + 6];
	const char *name = launch_socket_name();
	uint32_t pid = state.pid, n = sizeof(h);
	int fd;

	bytes[n++] = 1 << 3; // Bye.pid
	for (; pid >= 0x80; pid >>= 7)
		bytes[n++] = (unsigned char)(pid | 0x80);
	bytes[n++] = (unsigned char)pid;
	h.length_bytes = n - (uint32_t)sizeof(h);
	memcpy(bytes, &h, sizeof(h));
	if (!name)
		return;
	fd = dial_once(name);
	if (fd < 0)
		return;
	(void)sys_call(SYS_sendto, fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT, 0,
		       0);
	sys_close(fd);
}

static bool is_anybody_there(void)
{
	const char *name = launch_socket_name();
	int fd = name ? dial_once(name) : -ENOENT;

	sys_close(fd);
	return !dial_is_nobody(fd);
}

// A collector that has ended will not write what is in the region C: it said so
// itself, or neither moves nor answers. One that is about to end moves until
// its files are there.
static bool is_gone(const struct region_control *c, bool is_looking)
{
	uint64_t beat =
		atomic_load_explicit(&c->x_heartbeat_ns, memory_order_relaxed);

	return atomic_load_explicit(&c->x_closed, memory_order_acquire) ||
	       (is_looking && sys_slow_now_ns() > beat + SILENCE_NS &&
		!is_anybody_there());
}

// False: the collector has gone without having written.
static bool wait_written(const struct region_control *c, uint64_t until_ns)
{
	for (uint32_t n = 0;; n++) {
		uint64_t now = sys_slow_now_ns();
		struct timespec t = {0, 50000000};

		// acquire: pairs with the collector's release
		if (atomic_load_explicit(&c->x_written, memory_order_acquire) ||
		    now >= until_ns)
			return true;
		if (is_gone(c, n % LOOK_EVERY == 0))
			return false;
		// One that hangs: no use in waiting.
		if (now > atomic_load_explicit(&c->x_heartbeat_ns,
					       memory_order_relaxed) +
				  HEARTBEAT_STALE_NS)
			return true;
		(void)sys_call(SYS_futex, &c->x_written, FUTEX_WAIT, 0, &t, 0);
	}
}

static void goodbye_socket(uint64_t until_ns)
{
	struct record r = {.type = RECORD_GOODBYE};
	uint32_t fd = atomic_load_explicit(&state.x_fd, memory_order_relaxed);

	if (!fd)
		return;
	ring_push_counters();
	if (!ring_push(&r, NULL))
		(void)greet_wait((int)fd - 1, until_ns);
}

// False: there is no collector any more that would write the files.
static bool say_goodbye(const struct region_control *c, uint64_t until_ns)
{
	session_settle(until_ns);
	// release: pairs with the collector's acquire: all records are visible
	atomic_store_explicit(&state.status->x_goodbye, 1,
			      memory_order_release);
	if (!conf.values[SETTING_EXIT] ||
	    !atomic_load_explicit(&state.status->x_worth, memory_order_relaxed))
		return true;
	ring_doorbell();
	return wait_written(c, until_ns);
}

void goodbye(void)
{
	const struct region_control *c = state_control();
	uint64_t until_ns;

	// A vfork child that calls _exit is not this process.
	if (!c || state_is_sandboxed() ||
	    state.pid != (uint32_t)sys_call(SYS_getpid))
		return;
	until_ns = sys_slow_now_ns() + conf.values[SETTING_EXIT_TIMEOUT];
	if (!state.n_stripes) {
		goodbye_socket(until_ns);
		return;
	}
	for (int i = 0; i < TRIES && !say_goodbye(c, until_ns); i++)
		if (!session_renew(until_ns))
			return;
}
