// SPDX-License-Identifier: Apache-2.0
//
// Mutexes, pthread's and C11's (which glibc routes past the pthread names; its
// mtx_t is a pthread_mutex_t). The way of a free mutex is one load and a branch
// in front of the real function, which is then jumped to. Only a mutex that is
// taken reads clocks and enters the table of waits; only one that others wait
// for looks there at its unlock.
//
// The unlock reads the mutex before the real unlock and never after it: by then
// another thread may have taken and freed it. The stack of the holder, though,
// is captured after the real unlock: it is the same stack, and nobody waits
// longer for it.
//
// trylock is not hooked: it never waits, and a mutex taken by it is seen taken.
#include "preload/hook_mutex.h"

#include "preload/blocktime.h"
#include "preload/contention.h"
#include "preload/peek.h"
#include "preload/real.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <assert.h>

static_assert(sizeof(mtx_t) <= sizeof(pthread_mutex_t), "mtx_t is a mutex");

#define MUTEX_OF(m) ((pthread_mutex_t *)(m))

// True when a lock of M is a wait that counts: then it has begun.
static bool wait_begin(const pthread_mutex_t *m,
		       struct contention_wait *ret_wait)
{
	enum peek peek = peek_mutex(m);

	if (peek == PEEK_FREE || !blocktime_is_on() ||
	    peek_mutex_is_relock(m, self.tid))
		return false;
	if (contention_enter(m, peek == PEEK_HELD, ret_wait))
		state_count(COUNTER_WAITS_UNTRACKED, 1);
	blocktime_note(WAIT_MUTEX, m, peek_mutex_owner(m), ret_wait->start_ns);
	return true;
}

// Out of the table first: the table must be right even when there is no sample.
static void wait_end(const struct contention_wait *wait)
{
	if (contention_leave(wait))
		state_count(COUNTER_WAITS_UNTRACKED, 1);
	blocktime_end(wait->start_ns);
}

#define SLOW_LOCK(name, params, args)                \
	static COLD int slow_##name params           \
	{                                            \
		struct contention_wait wait;         \
		int ret;                             \
                                                     \
		if (!wait_begin(MUTEX_OF(m), &wait)) \
			return real.name args;       \
		ret = real.name args;                \
		wait_end(&wait);                     \
		return ret;                          \
	}

#define HOOK_LOCK(name, params, args)                      \
	SLOW_LOCK(name, params, args)                      \
	EXPORT int name params                             \
	{                                                  \
		if (LIKELY(!peek_mutex_word(MUTEX_OF(m)))) \
			return real.name args;             \
		return slow_##name args;                   \
	}

HOOK_LOCK(pthread_mutex_lock, (pthread_mutex_t * m), (m))
HOOK_LOCK(pthread_mutex_timedlock,
	  (pthread_mutex_t * m, const struct timespec *t), (m, t))
HOOK_LOCK(pthread_mutex_clocklock,
	  (pthread_mutex_t * m, clockid_t c, const struct timespec *t),
	  (m, c, t))
HOOK_LOCK(mtx_lock, (mtx_t * m), (m))
HOOK_LOCK(mtx_timedlock, (mtx_t * m, const struct timespec *t), (m, t))

COLD uint64_t hook_mutex_charge(const pthread_mutex_t *m)
{
	// The table is asked first: most of those who unlock a mutex that was
	// waited for before are the last of its waiters.
	if (peek_mutex(m) != PEEK_WAITED || !contention_is_waited(m) ||
	    !blocktime_is_on() || !peek_mutex_is_release(m, self.tid))
		return 0;
	return contention_charge(m);
}

#define HOOK_UNLOCK(name, params, args)                             \
	static COLD int slow_##name params                          \
	{                                                           \
		uint64_t delay_ns = hook_mutex_charge(MUTEX_OF(m)); \
		int ret = real.name args;                           \
                                                                    \
		if (delay_ns)                                       \
			sample_mutex(delay_ns);                     \
		return ret;                                         \
	}                                                           \
	EXPORT int name params                                      \
	{                                                           \
		if (LIKELY(peek_mutex_word(MUTEX_OF(m)) <= 1))      \
			return real.name args;                      \
		return slow_##name args;                            \
	}

HOOK_UNLOCK(pthread_mutex_unlock, (pthread_mutex_t * m), (m))
HOOK_UNLOCK(mtx_unlock, (mtx_t * m), (m))
