// SPDX-License-Identifier: Apache-2.0
//
// Signal masks. The timers' signal is kept out of every mask, while the host
// goes on seeing what it asked for; threads that block all signals, as many
// programs' workers do, are sampled like others. But where the host could tell
// the difference the signal is really blocked, and the thread has no timer as
// long as it is: when the host has a handler for it, or when a signal of the
// host's own came (tick.c).
//
// Like the calls they stand for, these are async-signal-safe.
#include "preload/real.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/tick.h"

#include <errno.h>
#include <signal.h>

// A change of the calling thread's mask, as far as our signal goes.
struct change {
	bool was_blocked, is_blocked; // in the host's eyes
	bool is_really_blocked;
};

static struct change plan(int how, const sigset_t *set)
{
	bool was = self.flags & THREAD_BLOCKS_PROF;
	bool is_in = set && sigismember(set, tick_prof.sig) == 1;
	struct change c = {.was_blocked = was, .is_blocked = was};
	sighandler_t handler = tick_host(&tick_prof)->sa_handler;

	if (set && how == SIG_SETMASK)
		c.is_blocked = is_in;
	else if (is_in)
		c.is_blocked = how == SIG_BLOCK;
	c.is_really_blocked =
		c.is_blocked &&
		(self.flags & THREAD_PARKED ||
		 (!was && handler != SIG_DFL && handler != SIG_IGN));
	return c;
}

// Out of a mask that blocks it only in the host's eyes.
static int set_mask(int how, const sigset_t *set, sigset_t *old,
		    bool is_stripped)
{
	sigset_t ours;

	if (!set || !is_stripped)
		return real.pthread_sigmask(how, set, old);
	ours = *set;
	(void)sigdelset(&ours, tick_prof.sig);
	return real.pthread_sigmask(how, &ours, old);
}

static void remember(const struct change *c)
{
	if (c->is_blocked) {
		state_set_flags(THREAD_BLOCKS_PROF);
		return;
	}
	state_clear_flags(THREAD_BLOCKS_PROF);
	if (self.flags & THREAD_PARKED)
		tick_unpark();
}

static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
	struct change c;
	bool is_own, is_change;
	int err;

	if (!tick_prof.is_installed || how < SIG_BLOCK || how > SIG_SETMASK)
		return real.pthread_sigmask(how, set, old);
	c = plan(how, set);
	is_change = c.is_blocked != c.was_blocked;
	// A vfork child has a mask of its own, but not this memory; and no
	// timer.
	is_own = !is_change || state_is_own_process();
	if (is_own && c.is_really_blocked && !(self.flags & THREAD_PARKED))
		tick_park();
	// SET may be OLD: all that is needed of it is in C.
	err = set_mask(how, set, old,
		       is_own && c.is_blocked && !c.is_really_blocked &&
			       how != SIG_UNBLOCK);
	if (!err && is_own && is_change)
		remember(&c);
	if (!err && old && c.was_blocked)
		(void)sigaddset(old, tick_prof.sig);
	return err;
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

// The older names, whose own way in libc goes past the ones above.
static int change_one(int how, int sig)
{
	sigset_t set;

	(void)sigemptyset(&set);
	return sigaddset(&set, sig) ? -1 : sigprocmask(how, &set, NULL);
}

EXPORT int sighold(int sig)
{
	return change_one(SIG_BLOCK, sig);
}

EXPORT int sigrelse(int sig)
{
	return change_one(SIG_UNBLOCK, sig);
}

static int change_low_half(int how, int mask)
{
	sigset_t set, old;
	int ret;

	(void)sigemptyset(&set);
	for (int sig = 1; sig <= 32; sig++)
		if ((unsigned)mask >> (sig - 1) & 1)
			(void)sigaddset(&set, sig);
	ret = sigprocmask(how, &set, &old);
	if (ret)
		return ret;
	for (int sig = 1; sig < 32; sig++)
		ret |= sigismember(&old, sig) << (sig - 1);
	return ret;
}

EXPORT int sigblock(int mask)
{
	return change_low_half(SIG_BLOCK, mask);
}

EXPORT int sigsetmask(int mask)
{
	return change_low_half(SIG_SETMASK, mask);
}
