// SPDX-License-Identifier: Apache-2.0
//
// What glibc's locks say about themselves, read from outside: whether a call
// would wait, and whether others do. Reading replaces a trylock in front of
// every lock: it costs a load instead of a locked instruction, and it can't
// change what the real call then answers (a timed lock with a bad time, a
// cancellation point that need not wait). The layouts are part of glibc's ABI
// and constant since 2.25; on another libc the shim is inert.
//
// Never writes, and is never called on a lock after it was given back: its
// memory may be gone. What is read may be outdated at once, so it only decides
// whether a wait is timed and charged, never what a call does.
//
// Any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_PEEK_H
#define CPROF_PRELOAD_PEEK_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

enum peek {
	PEEK_FREE,   // a lock would not wait
	PEEK_HELD,   // it would, and nobody else does
	PEEK_WAITED, // it would, and others do
};

// The lock word: 0 is free in every kind (but a free one with a ceiling is not
// 0), and 0 or 1 has no waiters in every kind.
static inline uint32_t peek_mutex_word(const pthread_mutex_t *m)
{
	return (uint32_t)__atomic_load_n(&m->__data.__lock, __ATOMIC_RELAXED);
}

enum peek peek_mutex(const pthread_mutex_t *m);

// The thread that holds M now, 0 when none does or it is not known.
static inline uint32_t peek_mutex_owner(const pthread_mutex_t *m)
{
	return (uint32_t)__atomic_load_n(&m->__data.__owner, __ATOMIC_RELAXED);
}

// True when M answers at once when its owner TID locks it again.
bool peek_mutex_is_relock(const pthread_mutex_t *m, uint32_t tid);

// True when an unlock of M by TID makes it free: it is no error and not just
// one level of a recursive mutex.
bool peek_mutex_is_release(const pthread_mutex_t *m, uint32_t tid);

// Bits of an rwlock's __readers; above them is the number of readers.
#define PEEK_RWLOCK_WRITE_PHASE	    1u
#define PEEK_RWLOCK_WRITE_LOCKED    2u
#define PEEK_RWLOCK_READERS_WAITING 4u
#define PEEK_RWLOCK_READERS	    (~7u)

static inline uint32_t peek_rwlock_word(const pthread_rwlock_t *l)
{
	return __atomic_load_n(&l->__data.__readers, __ATOMIC_RELAXED);
}

// A first look: false = certainly PEEK_FREE.
static inline bool peek_rwlock_may_wait_read(const pthread_rwlock_t *l)
{
	return peek_rwlock_word(l) & PEEK_RWLOCK_WRITE_LOCKED;
}

static inline bool peek_rwlock_may_wait_write(const pthread_rwlock_t *l)
{
	return peek_rwlock_word(l) &
	       (PEEK_RWLOCK_WRITE_LOCKED | PEEK_RWLOCK_READERS);
}

enum peek peek_rwlock_read(const pthread_rwlock_t *l);
enum peek peek_rwlock_write(const pthread_rwlock_t *l);

static inline uint32_t peek_rwlock_owner(const pthread_rwlock_t *l)
{
	return (uint32_t)__atomic_load_n(&l->__data.__cur_writer,
					 __ATOMIC_RELAXED);
}

// True when TID holds L for writing: locking it again is refused at once.
static inline bool peek_rwlock_is_writer(const pthread_rwlock_t *l,
					 uint32_t tid)
{
	return (uint32_t)l->__data.__cur_writer == tid;
}

// True when S has a value to take: sem_wait would not wait.
static inline bool peek_sem_is_open(const sem_t *s)
{
	return __atomic_load_n((const uint32_t *)s, __ATOMIC_RELAXED) != 0;
}

#endif
