// SPDX-License-Identifier: Apache-2.0
//
// Readers-writer locks. As with mutexes: look first, time only what will wait,
// charge the holder who gives it back while others wait. Of several readers
// each pays for the waiting since the last one left. An rwlock's words do not
// tell an unlock cheaply whether anybody waits, so a count of the waits in
// progress lets it skip the table; a wait that was left by longjmp keeps that
// count up, which costs a look and nothing else.
#include "preload/blocktime.h"
#include "preload/contention.h"
#include "preload/peek.h"
#include "preload/real.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"

// True when a lock of L, which answered PEEK when it was looked at, is a wait
// that counts: then it has begun.
static bool wait_begin(const pthread_rwlock_t *l, enum record_wait wait,
		       enum peek peek, struct contention_wait *ret_wait)
{
	if (!blocktime_is_on() || peek_rwlock_is_writer(l, self.tid))
		return false;
	// Relaxed: an unlock that does not see it misses a wait that has only
	// just begun.
	atomic_fetch_add_explicit(&state.x_rwlock_waits, 1,
				  memory_order_relaxed);
	if (contention_enter(l, peek == PEEK_HELD, ret_wait))
		state_count(COUNTER_WAITS_UNTRACKED, 1);
	blocktime_note(wait, l, peek_rwlock_owner(l), ret_wait->start_ns);
	return true;
}

static void wait_end(const struct contention_wait *wait)
{
	atomic_fetch_sub_explicit(&state.x_rwlock_waits, 1,
				  memory_order_relaxed);
	if (contention_leave(wait))
		state_count(COUNTER_WAITS_UNTRACKED, 1);
	blocktime_end(wait->start_ns);
}

#define HOOK_LOCK(kind, name, may_wait, look, params, args)     \
	static COLD int slow_##name params                      \
	{                                                       \
		enum peek seen = look(l);                       \
		struct contention_wait wait;                    \
		int ret;                                        \
                                                                \
		if (!seen || !wait_begin(l, kind, seen, &wait)) \
			return real.name args;                  \
		ret = real.name args;                           \
		wait_end(&wait);                                \
		return ret;                                     \
	}                                                       \
	EXPORT int name params                                  \
	{                                                       \
		if (LIKELY(!may_wait(l)))                       \
			return real.name args;                  \
		return slow_##name args;                        \
	}

#define HOOK_READ(name, params, args)                         \
	HOOK_LOCK(WAIT_READ, name, peek_rwlock_may_wait_read, \
		  peek_rwlock_read, params, args)
#define HOOK_WRITE(name, params, args)                          \
	HOOK_LOCK(WAIT_WRITE, name, peek_rwlock_may_wait_write, \
		  peek_rwlock_write, params, args)

HOOK_READ(pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))
HOOK_READ(pthread_rwlock_timedrdlock,
	  (pthread_rwlock_t * l, const struct timespec *t), (l, t))
HOOK_READ(pthread_rwlock_clockrdlock,
	  (pthread_rwlock_t * l, clockid_t c, const struct timespec *t),
	  (l, c, t))
HOOK_WRITE(pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))
HOOK_WRITE(pthread_rwlock_timedwrlock,
	   (pthread_rwlock_t * l, const struct timespec *t), (l, t))
HOOK_WRITE(pthread_rwlock_clockwrlock,
	   (pthread_rwlock_t * l, clockid_t c, const struct timespec *t),
	   (l, c, t))

static COLD int slow_unlock(pthread_rwlock_t *l)
{
	uint64_t delay_ns = 0;
	int ret;

	if (contention_is_waited(l) && blocktime_is_on())
		delay_ns = contention_charge(l);
	ret = real.pthread_rwlock_unlock(l);
	if (delay_ns)
		sample_mutex(delay_ns);
	return ret;
}

EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
	if (LIKELY(!atomic_load_explicit(&state.x_rwlock_waits,
					 memory_order_relaxed)))
		return real.pthread_rwlock_unlock(l);
	return slow_unlock(l);
}
