// SPDX-License-Identifier: Apache-2.0
//
// The layouts of glibc's pthread_mutex_t and pthread_rwlock_t, as far as
// whether somebody holds or waits for one. A mutex's word is, by kind,
//
//	normal, recursive, errorcheck, adaptive   0 free, 1 held, 2 waited for
//	priority ceiling                          the same, plus ceiling << 19
//	robust, priority inheritance              tid of the holder and the
//	                                          kernel's bits (linux/futex.h)
#include "preload/peek.h"

#include <linux/futex.h>

// Bits of __kind.
#define KIND_TYPE    3u // PTHREAD_MUTEX_NORMAL and so on
#define KIND_ROBUST  16u
#define KIND_INHERIT 32u
#define KIND_CEILING 64u

#define CEILING_MASK 0xfff80000u

static uint32_t load(const unsigned int *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static uint32_t kind_of(const pthread_mutex_t *m)
{
	return (uint32_t)__atomic_load_n(&m->__data.__kind, __ATOMIC_RELAXED);
}

static bool is_owner(const pthread_mutex_t *m, uint32_t tid)
{
	return (uint32_t)__atomic_load_n(&m->__data.__owner,
					 __ATOMIC_RELAXED) == tid;
}

enum peek peek_mutex(const pthread_mutex_t *m)
{
	uint32_t word = peek_mutex_word(m), kind = kind_of(m);

	if (kind & (KIND_ROBUST | KIND_INHERIT)) {
		// No tid: free, or its owner died and it is there to be taken.
		if (!(word & FUTEX_TID_MASK))
			return PEEK_FREE;
		return word & FUTEX_WAITERS ? PEEK_WAITED : PEEK_HELD;
	}
	if (kind & KIND_CEILING)
		word &= ~CEILING_MASK;
	return word == 0 ? PEEK_FREE : word == 1 ? PEEK_HELD : PEEK_WAITED;
}

bool peek_mutex_is_relock(const pthread_mutex_t *m, uint32_t tid)
{
	uint32_t type = kind_of(m) & KIND_TYPE;

	return (type == PTHREAD_MUTEX_RECURSIVE ||
		type == PTHREAD_MUTEX_ERRORCHECK) &&
	       is_owner(m, tid);
}

bool peek_mutex_is_release(const pthread_mutex_t *m, uint32_t tid)
{
	uint32_t kind = kind_of(m), type = kind & KIND_TYPE;

	// Anybody may unlock a normal one, and it becomes free.
	if ((type == PTHREAD_MUTEX_NORMAL ||
	     type == PTHREAD_MUTEX_ADAPTIVE_NP) &&
	    !(kind & (KIND_ROBUST | KIND_INHERIT)))
		return true;
	return is_owner(m, tid) && (type != PTHREAD_MUTEX_RECURSIVE ||
				    load(&m->__data.__count) == 1);
}

static enum peek held(const pthread_rwlock_t *l, uint32_t word)
{
	return word & PEEK_RWLOCK_READERS_WAITING || load(&l->__data.__writers)
		       ? PEEK_WAITED
		       : PEEK_HELD;
}

enum peek peek_rwlock_read(const pthread_rwlock_t *l)
{
	uint32_t word = peek_rwlock_word(l);

	if (!(word & PEEK_RWLOCK_WRITE_LOCKED))
		return PEEK_FREE;
	// A writer that still waits for readers to go holds up new ones only in
	// this kind.
	if (!(word & PEEK_RWLOCK_WRITE_PHASE) &&
	    l->__data.__flags != PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
		return PEEK_FREE;
	return held(l, word);
}

enum peek peek_rwlock_write(const pthread_rwlock_t *l)
{
	uint32_t word = peek_rwlock_word(l);

	return word & (PEEK_RWLOCK_WRITE_LOCKED | PEEK_RWLOCK_READERS)
		       ? held(l, word)
		       : PEEK_FREE;
}
