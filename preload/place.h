// SPDX-License-Identifier: Apache-2.0
//
// Tables with a place for each of PLACES threads at once, by tid: what a thread
// remembers that needs not be kept (a walk, a grant). A place is a word that
// says whose it is, and what only its owner looks at: acquire when it is
// claimed pairs with release when it was left. Two threads of one number
// (modulo PLACES) have it one after the other. Async-signal-safe.
#ifndef CPROF_PRELOAD_PLACE_H
#define CPROF_PRELOAD_PLACE_H

#include "preload/state.h"

#define PLACES 64u

// The calling thread's in such a table.
static inline uint32_t place_of_thread(void)
{
	return self.tid % PLACES;
}

// The thread and its session; 0 is nobody.
static inline uint64_t place_owner(void)
{
	return (uint64_t)state.serial << 32 | self.tid;
}

static inline bool place_is_own(const _Atomic uint64_t *x_owner)
{
	return atomic_load_explicit(x_owner, memory_order_relaxed) ==
	       place_owner();
}

// True when it was nobody's: place_keep() makes it the caller's once the rest
// of it is there, which its handlers are not to believe before.
static inline bool place_claim(_Atomic uint64_t *x_owner)
{
	uint64_t nobody = 0;

	return atomic_compare_exchange_strong_explicit(x_owner, &nobody,
						       UINT64_MAX,
						       memory_order_acquire,
						       memory_order_relaxed);
}

static inline void place_keep(_Atomic uint64_t *x_owner)
{
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(x_owner, place_owner(), memory_order_relaxed);
}

// Nobody's, if it was the caller's.
static inline void place_leave(_Atomic uint64_t *x_owner)
{
	uint64_t owner = place_owner();

	(void)atomic_compare_exchange_strong_explicit(
		x_owner, &owner, 0, memory_order_release, memory_order_relaxed);
}

// Nobody's, as no thread is known; a page that nobody touched stays so.
static inline void place_clear(_Atomic uint64_t *x_owner)
{
	if (atomic_load_explicit(x_owner, memory_order_relaxed))
		atomic_store_explicit(x_owner, 0, memory_order_relaxed);
}

#endif
