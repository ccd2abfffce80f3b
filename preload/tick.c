// SPDX-License-Identifier: Apache-2.0
//
// Handlers.
#include "preload/tick.h"

#include "preload/conf.h"
#include "preload/cputimer.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/thread.h"

#include <errno.h>
#include <string.h>

#define SIGSET_BYTES	8u
#define SILENCE_WAIT_NS 100000000u // a handler takes some microseconds
#define ALL_SIGNALS	(~0ull)

struct tick_view tick_prof, tick_snapshot, tick_toggle;

// A request for all threads' stacks: one who runs need not be interrupted.
static void answer_asked(const ucontext_t *uc)
{
	uint32_t asked = atomic_load_explicit(&state_control()->x_stacks_asked,
					      memory_order_relaxed);

	if (UNLIKELY(asked))
		sample_stack(asked, uc);
}

static COLD void tick(const siginfo_t *si, const ucontext_t *uc)
{
	uint16_t serial = self.serial;
	uint64_t ticks =
		1 + (uint64_t)(si->si_overrun > 0 ? si->si_overrun : 0);
	uint64_t period = cputimer_period_ns(self.hz);

	// A probe in a fork child: being ready has attached it and armed a
	// timer of its own, from whose first tick on it is sampled.
	if (!sample_ready() || serial != self.serial)
		return;
	if (period) {
		self.sampled_ns += ticks * period;
		sample_cpu(ticks, period, uc);
	}
	answer_asked(uc);
	thread_take_rate();
}

void tick_park(void)
{
	state_set_flags(THREAD_PARKED);
	cputimer_stop();
}

void tick_unpark(void)
{
	state_clear_flags(THREAD_PARKED);
	if (!state_control() || self.serial != state.serial ||
	    state_is_sandboxed())
		return;
	// No handler comes in between and starts it as well.
	state_set_flags(THREAD_CHANGING);
	self.sampled_ns = cputimer_thread_ns();
	if (!self.timer)
		cputimer_start(thread_wanted_hz());
	state_clear_flags(THREAD_CHANGING);
}

static bool has_handler(const struct tick_view *view)
{
	sighandler_t handler = tick_host(view)->sa_handler;

	return handler != SIG_DFL && handler != SIG_IGN;
}

bool tick_inherit_block(void)
{
	uint64_t mask;

	if (!tick_prof.is_installed || !has_handler(&tick_prof) ||
	    state_is_sandboxed() ||
	    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, &mask, SIGSET_BYTES) ||
	    !(mask & 1ull << (tick_prof.sig - 1)))
		return false;
	state_set_flags(THREAD_BLOCKS_PROF | THREAD_PARKED);
	return true;
}

// The collector's, or somebody's who may signal this process and knows what to
// say: it gets one record, or none.
static bool is_request(const siginfo_t *si)
{
	uint64_t value = (uintptr_t)si->si_value.sival_ptr;

	return si->si_code == SI_QUEUE && value >> 32 == REGION_ASK >> 32;
}

// Sends what was received again: to the thread or to the process, as it came.
static void send_again(const siginfo_t *si)
{
	long pid = sys_call(SYS_getpid);

	if (si->si_code == SI_TKILL)
		(void)sys_call(SYS_rt_tgsigqueueinfo, pid, sys_call(SYS_gettid),
			       si->si_signo, si);
	else
		(void)sys_call(SYS_rt_sigqueueinfo, pid, si->si_signo, si);
}

// Takes the host's first out of the queue of SIG, which is blocked; ticks that
// wait there must not reach it. False when there is none.
static bool take_queued(int sig, siginfo_t *ret_si)
{
	static const struct timespec now = {0, 0};
	uint64_t set = 1ull << (sig - 1);

	while (sys_call(SYS_rt_sigtimedwait, &set, ret_si, &now, SIGSET_BYTES) >
	       0)
		if (!cputimer_is_tick(ret_si) && !is_request(ret_si))
			return true;
	return false;
}

// A signal of the host's came to a thread that the host believes to block it.
// From here on it does, and the signal waits where the host will look for it.
static COLD void block_really(const siginfo_t *si, ucontext_t *uc)
{
	siginfo_t queued;

	if (state_is_sandboxed() || !state_is_own_process())
		return;
	tick_park();
	(void)sigaddset(&uc->uc_sigmask, si->si_signo);
	if (take_queued(si->si_signo, &queued))
		send_again(&queued);
	send_again(si);
}

// A signal that the host has no handler for, or blocks: only if it ended a
// call, as the kernel has said in the context then. Of two that came together
// the host's has that context (the lower number is first), unless it is above
// ours.
static void count_signal(const ucontext_t *uc)
{
	if (arch_result(uc) != -EINTR)
		return;
	atomic_store_explicit(&waiting.x_n_signals, tick_count() + 1,
			      memory_order_relaxed);
}

// Hands a signal of the host's own to its handler, with the mask it would have.
static COLD void chain(struct tick_view *view, siginfo_t *si, void *uc)
{
	struct sigaction act = *tick_host(view), reset;
	sigset_t mask;

	// Really blocked and yet here: sigsuspend and its like let it through.
	if (self.flags & THREAD_BLOCKS_PROF && !(self.flags & THREAD_PARKED)) {
		count_signal(uc);
		block_really(si, uc);
		return;
	}
	if (act.sa_handler == SIG_DFL || act.sa_handler == SIG_IGN) {
		count_signal(uc);
		return;
	}
	if (act.sa_flags & (int)SA_RESETHAND) {
		reset = act;
		reset.sa_handler = SIG_DFL;
		tick_set_host(view, &reset);
	}
	if (!state_is_sandboxed()) {
		(void)sigorset(&mask, &act.sa_mask,
			       &((ucontext_t *)uc)->uc_sigmask);
		if (!(act.sa_flags & SA_NODEFER))
			(void)sigaddset(&mask, view->sig);
		(void)sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0,
			       SIGSET_BYTES);
	}
	if (act.sa_flags & SA_SIGINFO)
		act.sa_sigaction(view->sig, si, uc);
	else
		act.sa_handler(view->sig);
}

// Being ready is all that request 0 is about: the thread has its timer then.
static COLD void on_request(const siginfo_t *si, const ucontext_t *uc)
{
	uint32_t request = (uint32_t)(uintptr_t)si->si_value.sival_ptr;

	state_set_flags(THREAD_IN_HANDLER);
	if (!state_is_sandboxed() && sample_ready() && request)
		sample_stack(request, uc);
	state_clear_flags(THREAD_IN_HANDLER);
}

// What the handler's end puts back is the alternate stack that was in force
// when the signal came, but the thread may have got one of ours since (ALT_SLOT
// before): let it have that.
static void keep_altstack(uint16_t alt_slot, ucontext_t *uc)
{
	if (UNLIKELY(self.alt_slot != alt_slot) && !state_is_sandboxed())
		(void)sys_call(SYS_sigaltstack, 0, &uc->uc_stack);
}

static void on_prof(int sig, siginfo_t *si, void *uc)
{
	uint16_t alt_slot = self.alt_slot;
	int err = errno;

	(void)sig;
	if (cputimer_is_tick(si) || is_request(si)) {
		atomic_fetch_add_explicit(&state.x_in_tick, 1,
					  memory_order_relaxed);
		count_signal(uc);
		if (cputimer_is_tick(si))
			tick(si, uc);
		else
			on_request(si, uc);
		keep_altstack(alt_slot, uc);
		// release: pairs with tick_silence: nothing of a tick is later
		atomic_fetch_sub_explicit(&state.x_in_tick, 1,
					  memory_order_release);
	} else {
		chain(&tick_prof, si, uc);
	}
	errno = err;
}

// Asks for what REQUEST adds to region_status.x_dump_requests.
static bool ask(uint32_t request)
{
	int err = errno;
	bool is_on =
		sample_ready() ||
		atomic_load_explicit(&state.x_attaching, memory_order_relaxed);

	if (is_on) {
		atomic_fetch_add(&state.x_snapshots_owed, request);
		ring_ask_snapshots();
	}
	errno = err;
	return is_on;
}

bool tick_request_snapshot(void)
{
	return ask(1);
}

// A process that sends itself a signal at its default action means to die of it
// (raise, a shell that ends as its child did).
static bool is_own(const siginfo_t *si)
{
	return (si->si_code == SI_USER || si->si_code == SI_TKILL) &&
	       !state_is_sandboxed() && si->si_pid == sys_call(SYS_getpid);
}

// It takes effect when this handler returns and the signal is no longer
// blocked.
static void die_of(int sig)
{
	struct sigaction act = {.sa_handler = SIG_DFL};

	if (!real.sigaction(sig, &act, NULL))
		(void)sys_call(SYS_tgkill, sys_call(SYS_getpid),
			       sys_call(SYS_gettid), sig);
}

static void on_snapshot(int sig, siginfo_t *si, void *uc)
{
	uint16_t alt_slot = self.alt_slot;
	int err = errno;

	state_set_flags(THREAD_IN_HANDLER);
	if (is_own(si)) {
		die_of(sig);
	} else {
		count_signal(uc);
		(void)ask(sig == tick_toggle.sig ? REGION_TOGGLE : 1);
	}
	state_clear_flags(THREAD_IN_HANDLER);
	keep_altstack(alt_slot, uc);
	errno = err;
}

void tick_set_host(struct tick_view *view, const struct sigaction *act)
{
	uint32_t other =
		!atomic_load_explicit(&view->x_host, memory_order_relaxed);

	view->hosts[other] = *act;
	// release: pairs with tick_host's acquire
	atomic_store_explicit(&view->x_host, other, memory_order_release);
}

// A thread that can't be told any more that CPU samples were switched on needs
// a timer to notice. Of this thread only: the others start theirs, if they have
// to, when they come to a hook.
static void keep_heartbeat(void)
{
	if (state_has_ask_signal() || self.timer || !state_control() ||
	    self.serial != state.serial || !state_is_own_process())
		return;
	state_set_flags(THREAD_CHANGING);
	cputimer_start(self.hz);
	state_clear_flags(THREAD_CHANGING);
}

void tick_install(struct tick_view *view)
{
	struct sigaction act = {
		.sa_sigaction = view == &tick_prof ? on_prof : on_snapshot,
		.sa_flags = SA_SIGINFO | SA_ONSTACK};

	// A host that wants its system calls interrupted gets that.
	if (!has_handler(view) || tick_host(view)->sa_flags & SA_RESTART)
		act.sa_flags |= SA_RESTART;
	// Not sigfillset: it leaves out the signals that cancel threads.
	memset(&act.sa_mask, 0xff, sizeof(act.sa_mask));
	view->is_installed = !real.sigaction(view->sig, &act, NULL);
	view->is_silent = false;
	if (view != &tick_prof)
		return;
	state_set_ask_signal(view->is_installed && act.sa_flags & SA_RESTART
				     ? view->sig
				     : 0);
	keep_heartbeat();
}

void tick_silence(void)
{
	struct sigaction act = {.sa_handler = SIG_DFL};
	uint64_t until_ns = sys_slow_now_ns() + SILENCE_WAIT_NS;

	if (!tick_prof.is_installed || has_handler(&tick_prof) ||
	    real.sigaction(tick_prof.sig, &act, NULL))
		return;
	tick_prof.is_silent = true;
	state_set_ask_signal(0);
	// acquire: pairs with on_prof: who was in it has left it
	while (atomic_load_explicit(&state.x_in_tick, memory_order_acquire) &&
	       sys_slow_now_ns() < until_ns)
		(void)sys_call(SYS_sched_yield);
}

static void start_view(struct tick_view *view, int sig)
{
	if (!sig || real.sigaction(sig, NULL, &view->hosts[0]))
		return;
	view->sig = sig;
	if (view == &tick_prof || tick_host(view)->sa_handler == SIG_DFL)
		tick_install(view);
}

void tick_init(void)
{
	int prof = (int)conf.values[SETTING_PROF_SIGNAL];
	int snapshot = (int)conf.values[SETTING_SIGNAL];

	start_view(&tick_prof, prof);
	if (tick_prof.is_installed) {
		cputimer_signal = prof;
		cputimer_unblock(); // a parent's mask is inherited
	}
	if (snapshot != prof)
		start_view(&tick_snapshot, snapshot);
	if (conf.toggle_signal != prof && conf.toggle_signal != snapshot)
		start_view(&tick_toggle, conf.toggle_signal);
}

static void end_view(struct tick_view *view)
{
	if (view == &tick_prof)
		state_set_ask_signal(0);
	if (view->is_installed)
		(void)real.sigaction(view->sig, tick_host(view), NULL);
	*view = (struct tick_view){0};
}

void tick_fini(void)
{
	int prof = tick_prof.sig;
	sigset_t set;

	end_view(&tick_prof);
	end_view(&tick_snapshot);
	end_view(&tick_toggle);
	cputimer_signal = 0;
	if (!(self.flags & THREAD_BLOCKS_PROF))
		return;
	state_clear_flags(THREAD_BLOCKS_PROF);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, prof);
	(void)real.pthread_sigmask(SIG_BLOCK, &set, NULL);
}

// What the host asked for about the old signal becomes true; what is true of
// the new one becomes what it asked for.
static void move_timers(int old, int new)
{
	uint64_t all = ALL_SIGNALS, mask;
	bool was_parked = self.flags & THREAD_PARKED;
	bool had_timer = self.timer || was_parked;
	siginfo_t queued;
	bool is_queued;

	(void)sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask,
		       SIGSET_BYTES);
	cputimer_stop();
	// First out: a default action put in force forgets what waits.
	is_queued = take_queued(old, &queued);
	end_view(&tick_prof);
	start_view(&tick_prof, new);
	cputimer_signal = tick_prof.is_installed ? new : 0;
	if (self.flags & THREAD_BLOCKS_PROF)
		mask |= 1ull << (old - 1);
	state_clear_flags(THREAD_BLOCKS_PROF | THREAD_PARKED);
	if (is_queued)
		send_again(&queued);
	(void)sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, SIGSET_BYTES);
	cputimer_unblock();
	if (was_parked)
		self.sampled_ns = cputimer_thread_ns();
	if (had_timer && self.flags & THREAD_PROBE)
		thread_forked();
	else if (had_timer && state_control())
		cputimer_start(thread_wanted_hz());
}

static bool is_for_snapshots(int sig)
{
	return sig == tick_snapshot.sig || sig == tick_toggle.sig;
}

void tick_give_way(const sigset_t *wanted)
{
	int old = tick_prof.sig, new = old == SIGURG ? SIGWINCH : SIGURG;
	int err = errno;

	if (tick_prof.is_installed && !tick_prof.is_silent && wanted &&
	    sigismember(wanted, old) == 1 && !sigismember(wanted, new) &&
	    !is_for_snapshots(new) && sys_is_single_threaded() &&
	    !state_is_sandboxed() && state_is_own_process())
		move_timers(old, new);
	errno = err;
}
