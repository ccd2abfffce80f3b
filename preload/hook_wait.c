// SPDX-License-Identifier: Apache-2.0
//
// The other waits: condition variables, semaphores, barriers, joins. They count
// as block time only, nobody holds what they wait for. Most are cancellation
// points: the real call may never return, and nothing is held across it.
//
// A condition wait gives its mutex back, so the holder is charged like at an
// unlock, before the real call (after it would be too late: it may not return).
// What it then waits to get the mutex again is inside glibc, and part of the
// wait's own time.
//
// sem_post, signal and broadcast are not hooked: they never wait, and sem_post
// must stay async-signal-safe.
#include "preload/blocktime.h"
#include "preload/hook_mutex.h"
#include "preload/peek.h"
#include "preload/real.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/tick.h"

#include <errno.h>

static uint64_t cond_begin(const void *c, const pthread_mutex_t *m)
{
	uint64_t delay_ns = 0;

	if (peek_mutex_word(m) > 1)
		delay_ns = hook_mutex_charge(m);
	if (delay_ns)
		sample_mutex(delay_ns);
	return blocktime_begin(WAIT_COND, c);
}

// The body of a hook, for after its parameters.
#define TIMED(name, begin, args)             \
	{                                    \
		uint64_t start_ns = begin;   \
		int result = real.name args; \
                                             \
		blocktime_end(start_ns);     \
		return result;               \
	}

#define HOOK(wait, lock, name, params, args) \
	EXPORT int name params TIMED(name, blocktime_begin(wait, lock), args)

#define HOOK_COND(name, params, args) \
	EXPORT int name params TIMED( \
		name, cond_begin(c, (const pthread_mutex_t *)m), args)

HOOK_COND(pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t *m), (c, m))
HOOK_COND(pthread_cond_timedwait,
	  (pthread_cond_t * c, pthread_mutex_t *m, const struct timespec *t),
	  (c, m, t))
HOOK_COND(pthread_cond_clockwait,
	  (pthread_cond_t * c, pthread_mutex_t *m, clockid_t k,
	   const struct timespec *t),
	  (c, m, k, t))
HOOK_COND(cnd_wait, (cnd_t * c, mtx_t *m), (c, m))
HOOK_COND(cnd_timedwait, (cnd_t * c, mtx_t *m, const struct timespec *t),
	  (c, m, t))

// An open semaphore is not timed. Not by sem_trywait: the real sem_wait is a
// cancellation point even when it need not wait.
static COLD int slow_sem_wait(sem_t *s)
{
	uint64_t start_ns = blocktime_begin(WAIT_SEM, s);
	int result = real.sem_wait(s);

	blocktime_end(start_ns);
	return result;
}

EXPORT int sem_wait(sem_t *s)
{
	if (peek_sem_is_open(s))
		return real.sem_wait(s);
	return slow_sem_wait(s);
}

static uint64_t sem_begin(const sem_t *s)
{
	// First: one that is open now may be closed in a moment.
	state_note_eintr(REGION_EINTR_SEMAPHORES);
	return peek_sem_is_open(s) ? 0 : blocktime_begin(WAIT_SEM, s);
}

// A wait with a time-out ends with any signal, also one that restarts calls.
// After one of ours, which the collector sent before it knew, or a tick that
// came just before the thread slept, it begins anew: the time-out is a moment.
#define HOOK_SEM_UNTIL(name, params, args)           \
	EXPORT int name params                       \
	{                                            \
		uint64_t start_ns = sem_begin(s);    \
		int result, err = errno;             \
		uint32_t n_signals;                  \
                                                     \
		do {                                 \
			errno = err;                 \
			n_signals = tick_count();    \
			result = real.name args;     \
		} while (result && errno == EINTR && \
			 n_signals != tick_count()); \
		blocktime_end(start_ns);             \
		return result;                       \
	}

HOOK_SEM_UNTIL(sem_timedwait, (sem_t * s, const struct timespec *t), (s, t))
HOOK_SEM_UNTIL(sem_clockwait,
	       (sem_t * s, clockid_t c, const struct timespec *t), (s, c, t))

HOOK(WAIT_BARRIER, b, pthread_barrier_wait, (pthread_barrier_t * b), (b))
HOOK(WAIT_JOIN, (const void *)t, pthread_join, (pthread_t t, void **value),
     (t, value))
HOOK(WAIT_JOIN, (const void *)t, pthread_timedjoin_np,
     (pthread_t t, void **value, const struct timespec *until),
     (t, value, until))
HOOK(WAIT_JOIN, (const void *)t, pthread_clockjoin_np,
     (pthread_t t, void **value, clockid_t c, const struct timespec *until),
     (t, value, c, until))
HOOK(WAIT_JOIN, (const void *)t, thrd_join, (thrd_t t, int *value), (t, value))
