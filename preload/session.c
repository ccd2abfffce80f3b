// SPDX-License-Identifier: Apache-2.0
//
// Attaching. Every step is a raw call, since this also runs in fork children of
// threaded programs and in signal handlers, and each has one answer to trouble:
// close, stay inert, let the host go on.
#include "preload/session.h"

#include "preload/conf.h"
#include "preload/dial.h"
#include "preload/exact.h"
#include "preload/former.h"
#include "preload/greet.h"
#include "preload/launch.h"
#include "preload/live.h"
#include "preload/mapping.h"
#include "preload/rate.h"
#include "preload/ring.h"
#include "preload/say.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/unwind.h"
#include "proto/limits.h"
#include "proto/version.h"
#include "proto/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define START_WAIT_NS	2000000000ull // a new process, a cold collector
#define FORK_WAIT_NS	1000000000ull // a child's first event is its start
#define SILENCE_NS	1000000000ull // a collector visits four times as often
#define ANSWER_WAIT_NS	1000000000ull // for one that nobody waits for
#define RETRY_SOON_NS	1000000000ull
#define LAUNCH_RETRY_NS 100000000ull // a collector that was just started
#define ANSWER_RETRY_NS 2000000ull
#define SHORT_WAIT_NS	700000ull // with the calls around it under 1 ms
#define ROOM_PAUSE_NS	1000000
#define HIGH_FD		900u
#define FDS_BELOW_LIMIT 16u

// Constant after the constructor, but for what attaching writes.
static struct {
	bool is_on;
	uint32_t first_pid;    // of the process whose constructor ran
	uint32_t attached_pid; // of this process or the last before it that
			       // attached
	bool is_silent;	       // the collector was, when this child was forked
	// Of the socket transport, for fork children: 0 = none.
	int fd;
	uint64_t fd_device, fd_inode;
	// Of the last session of this process or of those it was forked from:
	// what they told their collectors is not known to the next.
	uint16_t serial;
	// A hello whose answer a later hook looks for. Owner: who attaches, and
	// a fresh fork child.
	struct {
		int fd; // 0 = none
		uint32_t pid;
		uint64_t device, inode;
		uint64_t until_ns;
	} hello;
	uint64_t start_time_ns;
	const char *const *warnings;
} session;

static uint64_t realtime_ns(void)
{
	struct timespec t;

	(void)sys_call(SYS_clock_gettime, CLOCK_REALTIME, &t);
	return sys_ns_of(&t);
}

// 0 in the process that was started, else the nearest profiled ancestor.
static uint32_t parent_pid(void)
{
	return state.pid == session.first_pid ? 0 : session.attached_pid;
}

static int say_hello(int fd, uint32_t transport)
{
	const struct region_control *old = state_control();
	const struct hello h = {
		.pid = state.pid,
		.parent_pid = parent_pid(),
		.is_reconnect = old != NULL,
		.region_bytes = old ? old->size_bytes : 0,
		.transport = transport,
		.start_time_ns = session.start_time_ns,
		.program_start = getauxval(AT_ENTRY),
		.warnings = session.warnings,
	};

	return greet_send(fd, &h);
}

static uint16_t next_serial(void)
{
	if (!++session.serial)
		session.serial = 1;
	return session.serial;
}

// Makes the session visible: from here on hooks take samples.
static void publish(const struct region_control *c)
{
	uint64_t seed =
		rate_seed(sys_slow_now_ns() ^ (uint64_t)state.pid << 32);

	if (!state.serial)
		state.serial = next_serial();
	if (conf.values[SETTING_CPU_HZ])
		atomic_store_explicit(
			&state.x_cpu_bank_ns,
			(int64_t)rate_uniform(
				&seed,
				1000000000u / conf.values[SETTING_CPU_HZ]) -
				1,
			memory_order_relaxed);
	// What this thread allocated before had no session to be sampled in;
	// from the next allocation on it draws its gaps.
	self.heap_left = 0;
	self.heap_rate = 0;
	session.attached_pid = state.pid;
	atomic_store_explicit(&state.status->x_attached, 1,
			      memory_order_relaxed);
	// seq_cst: pairs with state_control's acquire, and with what
	// ring_ask_snapshots says
	atomic_store(&state.x_control, c);
	state_publish_generation();
	ring_ask_snapshots();
}

// The region first: from then on nobody walks with what the index of before
// said about the tables of before.
static int use_region(const int fds[WIRE_RING_FDS])
{
	bool is_new = !state_control();
	const struct region_control *c = mapping_make(fds[0]);

	if (!c)
		return -ENOMEM;
	mapping_tables(fds[1]);
	if (is_new) {
		// A process that never attached before has nothing to forget.
		if (session.attached_pid) {
			live_clear();
			unwind_clear();
			exact_clear();
		}
		mapping_use(c);
	} else {
		former_carry();
		state.is_sweeper = true;
		state_count(COUNTER_RECONNECTS, 1);
	}
	publish(c);
	return 0;
}

// A descriptor's number that no host counts on, or 0.
static uint32_t high_number(void)
{
	struct rlimit r = {HIGH_FD, HIGH_FD};

	if (sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &r) ||
	    r.rlim_cur < 4 * FDS_BELOW_LIMIT)
		return 0;
	return r.rlim_cur > HIGH_FD + FDS_BELOW_LIMIT
		       ? HIGH_FD
		       : (uint32_t)r.rlim_cur - FDS_BELOW_LIMIT;
}

// Keeps the descriptor *FD out of the way of hosts that count on low numbers.
// False: it is where it was.
static bool move_high(int *fd)
{
	uint32_t number = high_number();
	long high = number ? sys_call(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, number)
			   : -EMFILE;

	if (high < 0)
		return false;
	sys_close(*fd);
	*fd = (int)high;
	return true;
}

static int use_socket(int *fd_taken)
{
	struct stat st;
	int fd;

	(void)move_high(fd_taken);
	fd = *fd_taken;
	*fd_taken = -1;
	if (sys_call(SYS_fstat, fd, &st)) {
		sys_close(fd);
		return -EBADF;
	}
	state.fd_device = st.st_dev;
	state.fd_inode = st.st_ino;
	session.fd_device = st.st_dev;
	session.fd_inode = st.st_ino;
	session.fd = fd;
	atomic_store_explicit(&state.x_fd, (uint32_t)fd + 1,
			      memory_order_relaxed);
	if (!state_control()) {
		const struct region_control *c = mapping_private();

		live_clear();
		unwind_clear();
		exact_clear();
		mapping_use(c);
		state.is_sweeper = true;
		publish(c);
	}
	return 0;
}

static int use_answer(int type, int fds[WIRE_RING_FDS])
{
	switch (type) {
	case WIRE_RING:
		return fds[0] < 0 ? -EPROTO : use_region(fds);
	case WIRE_SOCKET:
		return fds[0] < 0 ? -EPROTO : use_socket(&fds[0]);
	default:
		say_error("the collector refused this process");
		return -ECONNREFUSED;
	}
}

// Takes the answer on FD, which has come, and closes FD.
static int take_answer(int fd)
{
	int fds[WIRE_RING_FDS] = {-1, -1};
	int err = greet_receive(fd, 0, fds);

	sys_close(fd);
	if (err >= 0)
		err = use_answer(err, fds);
	sys_close(fds[0]);
	sys_close(fds[1]);
	return err;
}

// Nobody may be in the middle of a push when one region takes the place of
// another. IS_LATE: whoever still is will not be waited for. -EINPROGRESS: not
// now, the answer stays where it is.
static int take_answer_alone(int fd, bool is_late)
{
	int err;

	if (!state_control() || !state.n_stripes)
		return take_answer(fd);
	if (!former_hold(is_late))
		return -EINPROGRESS;
	err = take_answer(fd);
	if (err)
		former_release();
	return err;
}

// Waits until UNTIL_NS for the answer on FD, which it closes.
static int finish_attach(int fd, uint64_t until_ns)
{
	bool is_late = false;
	int err = -EINPROGRESS;

	if (!greet_wait(fd, until_ns)) {
		sys_close(fd);
		return -ETIMEDOUT;
	}
	while (err == -EINPROGRESS && !is_late) {
		(void)sys_call(SYS_sched_yield);
		is_late = sys_slow_now_ns() >= until_ns;
		err = take_answer_alone(fd, is_late);
	}
	// This thread itself is in the middle of a push.
	if (err != -EINPROGRESS)
		return err;
	sys_close(fd);
	return -ETIMEDOUT;
}

static int attach_by(uint32_t transport, uint64_t until_ns)
{
	int fd = dial(until_ns);
	int err = fd < 0 ? fd : say_hello(fd, transport);

	if (!err)
		return finish_attach(fd, until_ns);
	sys_close(fd);
	return err;
}

static uint32_t transport_wanted(void)
{
	// A session goes on as it began.
	return state_control() && !state.n_stripes
		       ? TRANSPORT_SOCKET
		       : (uint32_t)conf.values[SETTING_TRANSPORT];
}

// Where there is no room to map a region (RLIMIT_AS), the socket does.
static int attach(uint64_t until_ns)
{
	uint32_t transport = transport_wanted();
	int err = attach_by(transport, until_ns);

	if (err != -ENOMEM || transport == TRANSPORT_SOCKET || state_control())
		return err;
	say_info("the region can't be mapped: samples go over the socket");
	return attach_by(TRANSPORT_SOCKET, until_ns);
}

// Inside somebody's malloc: says hello and leaves it to a later hook to look
// for the answer, since a collector on a busy machine may take milliseconds.
// Meanwhile a descriptor is open, with a number that no host counts on; where
// there is none the answer is waited for, for less than a millisecond.
static int begin_attach(void)
{
	struct stat st;
	int fd = dial(0);
	int err = fd < 0 ? fd : say_hello(fd, transport_wanted());

	if (err) {
		sys_close(fd);
		return err;
	}
	if (!move_high(&fd) || sys_call(SYS_fstat, fd, &st))
		return finish_attach(fd, sys_slow_now_ns() + SHORT_WAIT_NS);
	session.hello.pid = state.pid;
	session.hello.device = st.st_dev;
	session.hello.inode = st.st_ino;
	session.hello.until_ns = sys_slow_now_ns() + ANSWER_WAIT_NS;
	session.hello.fd = fd;
	return -EINPROGRESS;
}

// The host may have closed a descriptor of ours and reused its number.
static bool is_still(int fd, uint64_t device, uint64_t inode)
{
	struct stat st;

	return !sys_call(SYS_fstat, fd, &st) && st.st_dev == device &&
	       st.st_ino == inode;
}

static bool is_hello_there(void)
{
	return session.hello.fd > 0 &&
	       is_still(session.hello.fd, session.hello.device,
			session.hello.inode);
}

static void drop_hello(void)
{
	if (is_hello_there())
		sys_close(session.hello.fd);
	session.hello.fd = 0;
}

// Looks for the answer to the hello of before.
static int continue_attach(void)
{
	int fd = session.hello.fd;
	bool is_late;
	int err;

	// A fork child that libc does not know of has its parent's.
	if (!is_hello_there() || session.hello.pid != state.pid) {
		drop_hello();
		return begin_attach();
	}
	is_late = sys_slow_now_ns() >= session.hello.until_ns;
	if (!greet_wait(fd, 0)) {
		if (!is_late)
			return -EINPROGRESS;
		sys_close(fd);
		err = -ETIMEDOUT;
	} else {
		err = take_answer_alone(fd, is_late);
	}
	if (err != -EINPROGRESS)
		session.hello.fd = 0;
	return err;
}

// UNTIL_NS is 0 where nothing may be waited for.
static int advance(uint64_t until_ns)
{
	if (until_ns)
		return attach(until_ns);
	return session.hello.fd ? continue_attach() : begin_attach();
}

// How long to leave the host in peace after ERR.
static uint64_t pause_after(int err)
{
	if (err == -EINPROGRESS)
		return session.hello.fd ? ANSWER_RETRY_NS : LAUNCH_RETRY_NS;
	return err == -ETIMEDOUT ? RETRY_SOON_NS : HEARTBEAT_STALE_NS;
}

// One thread at a time attaches.
static bool take_turn(void)
{
	uint32_t nobody = 0;

	return atomic_compare_exchange_strong_explicit(&state.x_attaching,
						       &nobody, 1,
						       memory_order_acquire,
						       memory_order_relaxed);
}

static void end_turn(void)
{
	// release: pairs with the acquire of who is next
	atomic_store_explicit(&state.x_attaching, 0, memory_order_release);
}

// WAIT_NS is 0 where nothing may be waited for.
static void try_attach(uint64_t wait_ns)
{
	int host_errno = errno;
	int err;

	if (!take_turn())
		return;
	// A vfork child does not speak for its parent, whose memory this is.
	if (state.pid && !state_is_own_process()) {
		end_turn();
		return;
	}
	if (!state.pid)
		state.pid = (uint32_t)sys_call(SYS_getpid);
	err = advance(wait_ns ? sys_slow_now_ns() + wait_ns : 0);
	if (err && err != -EINPROGRESS)
		say_error("not attached");
	atomic_store_explicit(&state.x_timed_out, err == -ETIMEDOUT,
			      memory_order_relaxed);
	atomic_store_explicit(&state.x_is_pending, err == -EINPROGRESS,
			      memory_order_relaxed);
	atomic_store_explicit(&state.x_tried, 1, memory_order_relaxed);
	atomic_store_explicit(&state.x_retry_ns,
			      sys_slow_now_ns() + pause_after(err),
			      memory_order_relaxed);
	end_turn();
	errno = host_errno; // libc's clone() may have set it
}

void session_init(const char *const *warnings)
{
	session.warnings = warnings;
	session.start_time_ns = realtime_ns();
	session.first_pid = (uint32_t)sys_call(SYS_getpid);
	session.is_on = true;
}

void session_start(void)
{
	try_attach(START_WAIT_NS);
}

static bool is_stale(const struct region_control *c)
{
	uint64_t beat =
		atomic_load_explicit(&c->x_heartbeat_ns, memory_order_relaxed);
	uint64_t now;

	if (state_is_sandboxed())
		return false;
	now = sys_coarse_now_ns();
	if (now < atomic_load_explicit(&state.x_retry_ns, memory_order_relaxed))
		return false;
	if (!state.n_stripes)
		return !atomic_load_explicit(&state.x_fd, memory_order_relaxed);
	return now > beat + HEARTBEAT_STALE_NS ||
	       atomic_load_explicit(&c->x_closed, memory_order_relaxed);
}

static COLD void advance_former(const struct region_control *c)
{
	if (!take_turn())
		return;
	former_advance(is_stale(c));
	end_turn();
}

static COLD void grow_tables(void)
{
	if (state_is_sandboxed() || !take_turn())
		return;
	if (mapping_is_short())
		mapping_grow_tables();
	end_turn();
}

bool session_is_pending(void)
{
	return atomic_load_explicit(&state.x_is_pending, memory_order_relaxed);
}

// A fork child that was not answered in time asks again later.
static bool may_retry(void)
{
	return !atomic_load_explicit(&state.x_tried, memory_order_relaxed) ||
	       ((session_is_pending() ||
		 atomic_load_explicit(&state.x_timed_out,
				      memory_order_relaxed)) &&
		sys_coarse_now_ns() >
			atomic_load_explicit(&state.x_retry_ns,
					     memory_order_relaxed));
}

bool session_ensure(void)
{
	const struct region_control *c = state_control();

	if (UNLIKELY(launch_has_child()) && !state_is_sandboxed())
		launch_reap();
	if (LIKELY(c)) {
		if (UNLIKELY(mapping_is_short()))
			grow_tables();
		if (UNLIKELY(atomic_load_explicit(&state.x_former,
						  memory_order_relaxed)))
			advance_former(c);
		else if (UNLIKELY(is_stale(c)))
			try_attach(0);
		return true;
	}
	// A wiped page: a fork child that never tried. The first process tried
	// in its constructor.
	if (!session.is_on || state_is_sandboxed() ||
	    !(conf.values[SETTING_FOLLOW] & FOLLOW_FORK) || !may_retry())
		return false;
	try_attach(session.is_silent ? 0 : FORK_WAIT_NS);
	return state_control() != NULL;
}

void session_before_fork(void)
{
	const struct region_control *c = state_control();

	if (c && state.n_stripes)
		session.is_silent = sys_slow_now_ns() >
				    atomic_load_explicit(&c->x_heartbeat_ns,
							 memory_order_relaxed) +
					    SILENCE_NS;
}

void session_forked(void)
{
	session.start_time_ns = realtime_ns();
	state_forked();
	// The parent's ends of its stream, and of its hello.
	if (session.fd > 0 &&
	    is_still(session.fd, session.fd_device, session.fd_inode))
		sys_close(session.fd);
	session.fd = 0;
	drop_hello();
}

// For the end of the process, which can wait for its turn.
static bool wait_turn(uint64_t until_ns)
{
	while (!take_turn()) {
		if (sys_slow_now_ns() >= until_ns)
			return false;
		sys_pause_ns(ROOM_PAUSE_NS);
	}
	return true;
}

void session_settle(uint64_t until_ns)
{
	if (!atomic_load_explicit(&state.x_former, memory_order_relaxed) ||
	    !wait_turn(until_ns))
		return;
	while (!former_move() && !is_stale(state_control()) &&
	       sys_slow_now_ns() < until_ns)
		sys_pause_ns(ROOM_PAUSE_NS);
	end_turn();
}

bool session_renew(uint64_t until_ns)
{
	int err;

	if (!wait_turn(until_ns))
		return false;
	// What of the one before found no room by now is lost.
	if (!former_move())
		former_drop();
	err = attach(until_ns);
	end_turn();
	return !err;
}
