// SPDX-License-Identifier: Apache-2.0
//
// Which heap blocks were sampled: the live table of the region (pointer to
// sample id, proto/region.h) and, in front of it, a small filter of the shim's
// own that says "certainly not sampled" in a load and a compare, for every
// free.
//
// A block's owner alone frees it, so no two calls here are about the same live
// pointer; everything else may run at once, in any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_LIVE_H
#define CPROF_PRELOAD_LIVE_H

#include "proto/region.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIVE_LG_FILTER 16u

// How many sampled pointers hash here; sticks at LIVE_FILTER_MANY. Written by
// atomic read-modify-write, read relaxed: the pointer came to this thread with
// whatever ordered its allocation before its free.
#define LIVE_FILTER_MANY 255u
extern _Atomic uint8_t live_x_filter[1u << LIVE_LG_FILTER];

static inline uint64_t live_hash(const void *p)
{
	return (((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ull);
}

// Where P counts in the filter: (P >> 4) + (P >> 12) + (P >> 16), by a single
// multiplication. Neighbours in memory are neighbours here, so that a program
// that frees what it used lately finds the filter's lines in its cache (a
// hash that scatters misses the first level at every other free of python3, by
// cachegrind; this one at every tenth). The terms beside the first keep blocks
// at the same place in their pages, or their mebibytes, apart. Blocks 4 GiB
// apart share a place, which is as good as any other.
static inline _Atomic uint8_t *live_filter_of(const void *p)
{
	uint32_t h = (uint32_t)(uintptr_t)p * 0x1011u;

	return &live_x_filter[h >> (32 - LIVE_LG_FILTER)];
}

// False: P was not sampled. True: it may have been.
static inline bool live_maybe(const void *p)
{
	return atomic_load_explicit(live_filter_of(p), memory_order_relaxed);
}

// What follows will look at P's entry: on its way meanwhile.
void live_prefetch(const void *p);

// A place in the table, between two calls here.
struct live_slot {
	_Atomic uint64_t *x_slot; // NULL: none
	uint64_t id;
};

// Takes an empty slot for the block P. False when there is no room. A slot that
// already holds P (its free went past us) is returned with the id of the lost
// block in *RET_STALE_ID, else that is 0; that block still counts in the
// filter, until live_uncount or live_defer.
bool live_reserve(const void *p, struct live_slot *ret, uint64_t *ret_stale_id);

void live_uncount(const void *p);

// Publishes P with SLOT.id in a reserved slot, or gives the slot back.
void live_publish(const struct live_slot *slot, const void *p);
void live_cancel(const struct live_slot *slot);

// True when P is in the table, which is left alone: who takes it out at the
// same time finds it.
bool live_has(const void *p);

// Takes P out. False when it is not in the table. The slot stays TAKEN until
// one of:
bool live_take(const void *p, struct live_slot *ret);
// ... it is live after all (a realloc that failed),
void live_restore(const struct live_slot *slot, const void *p);
// ... its FREE was pushed,
void live_release(const struct live_slot *slot, const void *p);
// ... or found no room: the collector sweeps it.
void live_defer(const struct live_slot *slot, const void *p);

// Where nobody else sweeps the table (state.is_sweeper): looks at
// LIVE_SWEEP_BUCKETS of its buckets, the next ones each time, and hands the ids
// of deferred frees to PUSH, which returns 0 when it had room.
#define LIVE_SWEEP_BUCKETS 64u
void live_sweep(int (*push)(uint64_t id));

// Forgets everything the filter knows, for a new session.
void live_clear(void);

// Makes live_maybe(P) true for good (boot arena memory).
void live_pin(const void *p);

#endif
