// SPDX-License-Identifier: Apache-2.0
//
// Signals: the host goes on seeing its own dispositions, masks and alternate
// stack. The timers' signal stays ours whatever the host installs (its handler
// is chained) and is kept out of every mask (what the host asked for is
// remembered and reported). The snapshot signal is given up as soon as the host
// installs a handler of its own.
//
// Like the calls they stand for, these are async-signal-safe.
#include "preload/altstack.h"
#include "preload/cputimer.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/tick.h"

#include <errno.h>
#include <string.h>

static int prof_action(const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before = *tick_host(&tick_prof);

	if (act)
		tick_set_host(&tick_prof, act);
	if (old)
		*old = before;
	return 0;
}

// While ours is in force the host's view is "default"; a handler of its own
// replaces ours, and "default" again brings ours back.
static int snapshot_action(const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before;
	bool was_ours = tick_snapshot.is_installed;
	int ret = 0;

	if (act && act->sa_handler == SIG_DFL) {
		if (was_ours)
			before = *tick_host(&tick_snapshot);
		else
			ret = real.sigaction(tick_snapshot.sig, NULL, &before);
		tick_set_host(&tick_snapshot, act);
		tick_install(&tick_snapshot);
	} else if (act) {
		ret = real.sigaction(tick_snapshot.sig, act, &before);
		tick_snapshot.is_installed = false;
	} else {
		ret = real.sigaction(tick_snapshot.sig, NULL, &before);
	}
	if (was_ours)
		before = *tick_host(&tick_snapshot);
	if (!ret && old)
		*old = before;
	return ret;
}

EXPORT int sigaction(int sig, const struct sigaction *act,
		     struct sigaction *old)
{
	// A vfork child shares our view with its parent, but its dispositions
	// are its own.
	if (tick_prof.is_installed && sig == tick_prof.sig &&
	    state_is_own_process())
		return prof_action(act, old);
	if (tick_snapshot.sig && sig == tick_snapshot.sig &&
	    state_is_own_process())
		return snapshot_action(act, old);
	return real.sigaction(sig, act, old);
}

static bool is_ours(int sig)
{
	return sig && (sig == tick_prof.sig || sig == tick_snapshot.sig);
}

static sighandler_t set_handler(int sig, sighandler_t handler, int flags)
{
	struct sigaction act, old;

	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	act.sa_flags = flags;
	return sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	return is_ours(sig) ? set_handler(sig, handler, SA_RESTART)
			    : real.signal(sig, handler);
}

EXPORT sighandler_t sysv_signal(int sig, sighandler_t handler)
{
	return is_ours(sig) ? set_handler(sig, handler,
					  (int)(SA_RESETHAND | SA_NODEFER))
			    : real.sysv_signal(sig, handler);
}

// What signal() is in a program built for strict System V.
EXPORT sighandler_t __sysv_signal(int sig, sighandler_t handler)
{
	return sysv_signal(sig, handler);
}

// A signal of the host's own came while it believed it blocked.
static COLD void deliver_pending(void)
{
	self.flags &= (uint16_t)~THREAD_PROF_PENDING;
	(void)sys_call(SYS_tgkill, sys_call(SYS_getpid), sys_call(SYS_gettid),
		       tick_prof.sig);
}

static void remember_block(int how, bool is_in_set)
{
	bool is_blocked = self.flags & THREAD_BLOCKS_PROF;

	if (how == SIG_SETMASK)
		is_blocked = is_in_set;
	else if (is_in_set)
		is_blocked = how == SIG_BLOCK;
	if (is_blocked == !!(self.flags & THREAD_BLOCKS_PROF) ||
	    !state_is_own_process())
		return;
	if (is_blocked) {
		self.flags |= THREAD_BLOCKS_PROF;
		return;
	}
	self.flags &= (uint16_t)~THREAD_BLOCKS_PROF;
	if (self.flags & THREAD_PROF_PENDING)
		deliver_pending();
}

static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
	int sig = tick_prof.sig, err;
	bool was_blocked = self.flags & THREAD_BLOCKS_PROF;
	bool is_in_set;
	sigset_t ours;

	if (!tick_prof.is_installed)
		return real.pthread_sigmask(how, set, old);
	is_in_set = set && sigismember(set, sig) == 1;
	if (set && how != SIG_UNBLOCK) {
		ours = *set;
		(void)sigdelset(&ours, sig);
		err = real.pthread_sigmask(how, &ours, old);
	} else {
		err = real.pthread_sigmask(how, set, old);
	}
	if (err)
		return err;
	if (set)
		remember_block(how, is_in_set); // SET may be OLD
	if (old && was_blocked)
		(void)sigaddset(old, sig);
	return 0;
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return change_mask(how, set, old);
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	int err = change_mask(how, set, old);

	if (!err)
		return 0;
	errno = err;
	return -1;
}

EXPORT int sigaltstack(const stack_t *ss, stack_t *old)
{
	stack_t before;
	bool is_off = ss && ss->ss_flags & SS_DISABLE;
	int ret;

	if (!self.alt_slot)
		return real.sigaltstack(ss, old);
	// With ours in place the host's own view is "none"; switching that off
	// changes nothing.
	ret = real.sigaltstack(is_off ? NULL : ss, &before);
	if (ret)
		return ret;
	if (altstack_is_ours(&before))
		before = (stack_t){.ss_flags = SS_DISABLE};
	if (old)
		*old = before;
	if (ss && !is_off)
		altstack_remove();
	return 0;
}
