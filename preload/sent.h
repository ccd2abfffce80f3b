// SPDX-License-Identifier: Apache-2.0
//
// Which stacks were sent in full, and their frames (proto/region.h): with the
// one their hash is enough for the next sample, with the other a hash that no
// collector has read can be told to the next one.
//
// sent_has() and sent_find(): any thread, async-signal-safe. The rest is for
// who holds a stripe, so that no other region comes in between.
#ifndef CPROF_PRELOAD_SENT_H
#define CPROF_PRELOAD_SENT_H

#include "preload/state.h"

#include <stdbool.h>

// A stack that was sent: valid in a region and a half of its log.
struct sent_stack {
	uint64_t hash;
	uint32_t region;
	uint32_t half;
};

// Those of a region that is laid out as C says and mapped at BASE.
struct sent_tables sent_tables(const struct region_control *c, uintptr_t base);

// The stack HASH was sent.
bool sent_has(uint64_t hash, struct sent_stack *ret);

// The half of the log that POSITION lies in, counted on.
static inline uint32_t sent_half_of(uint32_t position)
{
	return position >> state.sent.lg_units;
}

// And its hash may still be pushed.
static inline bool sent_is_valid(const struct sent_stack *s)
{
	// relaxed: whoever replaces the region holds all stripes, and whoever
	// begins a half looks for their holders after it; taking a stripe was a
	// full barrier
	return atomic_load_explicit(&state.x_region, memory_order_relaxed) ==
		       s->region &&
	       sent_half_of(atomic_load_explicit(&state.status->x_log_end,
						 memory_order_relaxed)) ==
		       s->half;
}

// The stack F, with its pcs behind it, was pushed just now.
void sent_keep(const struct record_frames *f);

// The stack HASH of T, NULL when it is not there.
const struct record_frames *sent_find(const struct sent_tables *t,
				      uint64_t hash);

#endif
