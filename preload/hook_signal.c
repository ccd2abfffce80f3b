// SPDX-License-Identifier: Apache-2.0
//
// Signals' handlers: the host goes on seeing its own dispositions and alternate
// stack. The timers' signal stays ours whatever the host installs (its handler
// is chained). The snapshot signal is given up as soon as the host installs a
// handler of its own.
//
// Like the calls they stand for, these are async-signal-safe.
#include "preload/altstack.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/tick.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>

static int prof_action(const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before = *tick_host(&tick_prof);

	if (act) {
		tick_set_host(&tick_prof, act);
		if (!tick_prof.is_silent ||
		    (act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN))
			tick_install(&tick_prof);
	}
	if (old)
		*old = before;
	return 0;
}

// While ours is in force the host's view is "default"; a handler of its own
// replaces ours, and "default" again brings ours back.
static int snapshot_action(struct tick_view *view, const struct sigaction *act,
			   struct sigaction *old)
{
	struct sigaction before;
	bool was_ours = view->is_installed;
	int ret = 0;

	if (act && act->sa_handler == SIG_DFL) {
		if (was_ours)
			before = *tick_host(view);
		else
			ret = real.sigaction(view->sig, NULL, &before);
		tick_set_host(view, act);
		tick_install(view);
	} else if (act) {
		ret = real.sigaction(view->sig, act, &before);
		view->is_installed = false;
	} else {
		ret = real.sigaction(view->sig, NULL, &before);
	}
	if (was_ours)
		before = *tick_host(view);
	if (!ret && old)
		*old = before;
	return ret;
}

static bool is_ours(int sig)
{
	return sig && (sig == tick_prof.sig || sig == tick_snapshot.sig ||
		       sig == tick_toggle.sig);
}

static struct tick_view *view_of(int sig)
{
	return sig == tick_prof.sig	? &tick_prof
	       : sig == tick_toggle.sig ? &tick_toggle
					: &tick_snapshot;
}

EXPORT int sigaction(int sig, const struct sigaction *act,
		     struct sigaction *old)
{
	// A vfork child shares our view with its parent, but its dispositions
	// are its own.
	if (tick_prof.is_installed && sig == tick_prof.sig &&
	    state_is_own_process())
		return prof_action(act, old);
	if (is_ours(sig) && sig != tick_prof.sig && state_is_own_process())
		return snapshot_action(view_of(sig), act, old);
	return real.sigaction(sig, act, old);
}

static sighandler_t set_handler(int sig, sighandler_t handler, int flags)
{
	struct sigaction act, old;

	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	act.sa_flags = flags;
	return sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

// As libc has it: the signal is in the mask, too.
static sighandler_t set_bsd_handler(int sig, sighandler_t handler)
{
	struct sigaction act, old;

	if (handler == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	memset(&act, 0, sizeof(act));
	act.sa_handler = handler;
	act.sa_flags = view_of(sig)->interrupts ? 0 : SA_RESTART;
	(void)sigaddset(&act.sa_mask, sig);
	return sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	return is_ours(sig) ? set_bsd_handler(sig, handler)
			    : real.signal(sig, handler);
}

// Not in the headers any more.
EXPORT sighandler_t bsd_signal(int sig, sighandler_t handler);
EXPORT sighandler_t bsd_signal(int sig, sighandler_t handler)
{
	return signal(sig, handler);
}

EXPORT sighandler_t ssignal(int sig, sighandler_t handler)
{
	return signal(sig, handler);
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

// System V's: a handler without a mask, and the signal let through.
EXPORT sighandler_t sigset(int sig, sighandler_t handler)
{
	struct sigaction act;
	sighandler_t before;
	sigset_t set, old;

	if (!is_ours(sig))
		return real.sigset(sig, handler);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, sig);
	if (handler == SIG_HOLD) {
		(void)sigaction(sig, NULL, &act);
		before = act.sa_handler;
	} else {
		before = set_handler(sig, handler, 0);
	}
	if (before == SIG_ERR ||
	    sigprocmask(handler == SIG_HOLD ? SIG_BLOCK : SIG_UNBLOCK, &set,
			&old))
		return SIG_ERR;
	return sigismember(&old, sig) == 1 ? SIG_HOLD : before;
}

EXPORT int sigignore(int sig)
{
	if (!is_ours(sig))
		return real.sigignore(sig);
	return set_handler(sig, SIG_IGN, 0) == SIG_ERR ? -1 : 0;
}

EXPORT int siginterrupt(int sig, int interrupts)
{
	struct sigaction act;

	if (!is_ours(sig))
		return real.siginterrupt(sig, interrupts);
	if (sigaction(sig, NULL, &act))
		return -1;
	view_of(sig)->interrupts = interrupts;
	if (interrupts)
		act.sa_flags &= ~SA_RESTART;
	else
		act.sa_flags |= SA_RESTART;
	return sigaction(sig, &act, NULL);
}

// A host that takes signals as data: see tick_give_way.
EXPORT int signalfd(int fd, const sigset_t *set, int flags)
{
	tick_give_way(set);
	return real.signalfd(fd, set, flags);
}

EXPORT int sigwait(const sigset_t *set, int *ret_sig)
{
	tick_give_way(set);
	return real.sigwait(set, ret_sig);
}

EXPORT int sigwaitinfo(const sigset_t *set, siginfo_t *ret_info)
{
	tick_give_way(set);
	return real.sigwaitinfo(set, ret_info);
}

EXPORT int sigtimedwait(const sigset_t *set, siginfo_t *ret_info,
			const struct timespec *t)
{
	tick_give_way(set);
	return real.sigtimedwait(set, ret_info, t);
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
		altstack_replaced();
	return 0;
}
