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

// And its hash may still be pushed.
bool sent_is_valid(const struct sent_stack *s);

// The stack F, with its pcs behind it, was pushed just now.
void sent_keep(const struct record_frames *f);

// The stack HASH of T, NULL when it is not there.
const struct record_frames *sent_find(const struct sent_tables *t,
				      uint64_t hash);

#endif
