// SPDX-License-Identifier: Apache-2.0
//
// timer_create(2) on CLOCK_THREAD_CPUTIME_ID with SIGEV_THREAD_ID.
#include "preload/cputimer.h"

#include "preload/rate.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <string.h>

#define HEARTBEAT_HZ 10u

int cputimer_signal;

// What our ticks carry, so that they are told from the host's use of the same
// signal: an address nobody else has.
#define COOKIE ((void *)&cputimer_signal)

bool cputimer_is_tick(const siginfo_t *si)
{
	return si->si_code == SI_TIMER && si->si_value.sival_ptr == COOKIE;
}

uint64_t cputimer_period_ns(uint16_t hz)
{
	return hz ? 1000000000u / hz : 0;
}

uint64_t cputimer_thread_ns(void)
{
	struct timespec t;

	if (sys_call(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / 1000000000u),
				 (long)(ns % 1000000000u)};
}

static void arm(uint64_t first_ns, uint64_t period_ns)
{
	struct itimerspec t = {.it_value = to_timespec(first_ns),
			       .it_interval = to_timespec(period_ns)};

	(void)sys_call(SYS_timer_settime, self.timer - 1, 0, &t, 0);
}

static bool create(void)
{
	struct sigevent ev;
	int id;

	// A blocked signal would wait in the queue, for the host to find it.
	if (!cputimer_signal || self.flags & THREAD_PARKED ||
	    state_is_sandboxed())
		return false;
	memset(&ev, 0, sizeof(ev));
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev.sigev_signo = cputimer_signal;
	ev.sigev_value.sival_ptr = COOKIE;
	ev._sigev_un._tid = (int)self.tid;
	if (sys_call(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &ev, &id)) {
		state_count(COUNTER_TIMER_FAILED, 1);
		return false;
	}
	self.timer = (uint32_t)id + 1;
	return true;
}

static void arm_rate(uint16_t hz)
{
	uint64_t period = 1000000000u / (hz ? hz : HEARTBEAT_HZ);

	self.hz = hz;
	arm(rate_uniform(&self.random, period), period);
}

void cputimer_start(uint16_t hz)
{
	// Before there is a timer: a handler that comes in between has nothing
	// to do.
	self.hz = hz;
	if ((hz || !state_has_ask_signal()) && create())
		arm_rate(hz);
}

void cputimer_unblock(void)
{
	uint64_t ours, old;

	if (!cputimer_signal || state_is_sandboxed() ||
	    sys_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, &old, sizeof(old)))
		return;
	ours = 1ull << (cputimer_signal - 1);
	if (!(old & ours))
		return;
	// First the flag: a signal of the host's may be waiting.
	state_set_flags(THREAD_BLOCKS_PROF);
	(void)sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &ours, 0, sizeof(ours));
}

void cputimer_rearm(uint16_t hz)
{
	if (self.timer && !state_is_sandboxed())
		arm_rate(hz);
}

void cputimer_start_probe(uint64_t first_ns)
{
	if (create())
		arm(first_ns, 0);
}

void cputimer_stop(void)
{
	// In a child by a raw fork the number is the parent's: here the host's
	// own timer may have it.
	bool is_own = self.serial == state.serial || self.flags & THREAD_PROBE;

	if (self.timer && is_own && !state_is_sandboxed())
		(void)sys_call(SYS_timer_delete, self.timer - 1);
	self.timer = 0;
}
