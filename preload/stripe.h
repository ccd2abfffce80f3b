// SPDX-License-Identifier: Apache-2.0
//
// One stripe, for its writers (proto/region.h has the invariants): which one,
// who holds it, and its room for a short record. The rest is ring.c's. Any
// thread, async-signal-safe, any number at once.
#ifndef CPROF_PRELOAD_STRIPE_H
#define CPROF_PRELOAD_STRIPE_H

#include "preload/rmw.h"
#include "preload/state.h"

// The one that the calling thread looks at first, of N.
static inline uint32_t stripe_own(uint32_t n)
{
	return (uint32_t)((uint64_t)(self.tid * 2654435761u) * n >> 32);
}

// True: S was free, and is the calling thread's until it is given.
static inline bool stripe_take(bool is_alone, struct stripe *s)
{
	uint32_t nobody = 0;

	return !atomic_load_explicit(&s->x_owner_tid, memory_order_relaxed) &&
	       // acquire: pairs with the last holder's release below
	       rmw_cas32_by(is_alone, &s->x_owner_tid, &nobody, self.tid);
}

static inline void stripe_give(struct stripe *s)
{
	// release: pairs with the next holder's acquire
	atomic_store_explicit(&s->x_owner_tid, 0, memory_order_release);
}

// Where the next N_BYTES go in S, which the caller holds. NULL: there is no
// room for them in a row, as far as is known here.
static INLINE void *stripe_room(struct stripe *s, uint32_t n_bytes)
{
	// relaxed: all are the holder's
	uint64_t head = atomic_load_explicit(&s->x_head, memory_order_relaxed);
	uint64_t base = atomic_load_explicit(&s->x_base, memory_order_relaxed);

	if (UNLIKELY(head + n_bytes >
		     atomic_load_explicit(&s->x_limit, memory_order_relaxed)))
		return NULL;
	return s->data +
	       ((uint32_t)(head - base) & (state_control()->stripe_bytes - 1));
}

// Those N_BYTES are written.
static INLINE void stripe_commit(struct stripe *s, uint32_t n_bytes)
{
	uint64_t head = atomic_load_explicit(&s->x_head, memory_order_relaxed);

	// release: pairs with the collector's acquire; the bytes come before
	atomic_store_explicit(&s->x_head, head + n_bytes, memory_order_release);
}

#endif
