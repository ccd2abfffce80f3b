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

#include "preload/rmw.h"
#include "preload/state.h"

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

static inline void live_count_by(bool is_alone, const void *p)
{
	_Atomic uint8_t *x = live_filter_of(p);
	uint8_t v = atomic_load_explicit(x, memory_order_relaxed);

	while (v != LIVE_FILTER_MANY &&
	       !rmw_cas8_by(is_alone, x, &v, (uint8_t)(v + 1)))
		;
}

static inline void live_uncount_by(bool is_alone, const void *p)
{
	_Atomic uint8_t *x = live_filter_of(p);
	uint8_t v = atomic_load_explicit(x, memory_order_relaxed);

	while (v && v != LIVE_FILTER_MANY &&
	       !rmw_cas8_by(is_alone, x, &v, (uint8_t)(v - 1)))
		;
}

// Blocks that begin in so much memory share their first bucket: eight of the
// smallest.
#define LIVE_LG_WINDOW_BYTES 8u
// And those of so much memory share some pages of the table.
#define LIVE_LG_AREA_BYTES 16u
#define LIVE_AREA_WINDOWS  (1u << (LIVE_LG_AREA_BYTES - LIVE_LG_WINDOW_BYTES))

// The first of P's two buckets. In exact mode all blocks are here, and
// neighbours are used together: blocks of one window of memory share their
// first bucket, and an area of memory 256 buckets in a row, in an order of its
// own so that blocks at the same place in their areas don't meet.
static inline uint32_t live_first_bucket(const void *p)
{
	uint64_t window = (uintptr_t)p >> LIVE_LG_WINDOW_BYTES;
	uint64_t area =
		((uintptr_t)p >> LIVE_LG_AREA_BYTES) * 0x9e3779b97f4a7c15ull;

	window &= LIVE_AREA_WINDOWS - 1;
	return (uint32_t)(area >> 32 ^ window) & state.live_mask;
}

// Where P is, if nobody was there before: the smallest blocks of a window have
// a slot each.
static inline _Atomic uint64_t *live_home(const void *p)
{
	uint32_t i = (uintptr_t)p >> (LIVE_LG_WINDOW_BYTES - 3) & 7;

	return &state.buckets[live_first_bucket(p)].x_slots[i];
}

static inline _Atomic uint64_t *live_id_of(const _Atomic uint64_t *x_slot)
{
	return &state.x_ids[x_slot - &state.buckets[0].x_slots[0]];
}

// What follows will look at P's entry: on its way meanwhile.
static inline void live_prefetch(const void *p)
{
	_Atomic uint64_t *x = live_home(p);

	__builtin_prefetch(x, 1);
	__builtin_prefetch(live_id_of(x), 1);
}

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

// True when the slot was empty, and is taken.
static inline bool live_take_slot(bool is_alone, _Atomic uint64_t *x)
{
	uint64_t empty = 0;

	return !atomic_load_explicit(x, memory_order_relaxed) &&
	       // acquire: pairs with the release of whoever emptied it
	       rmw_cas64_by(is_alone, x, &empty, LIVE_TAKEN);
}

// As live_reserve(), of one slot only; for a P that the filter does not have.
static inline bool live_reserve_home(bool is_alone, const void *p,
				     struct live_slot *ret)
{
	ret->x_slot = live_home(p);
	return live_take_slot(is_alone, ret->x_slot);
}

// Publishes P with SLOT.id in a reserved slot, or gives the slot back.
void live_publish(const struct live_slot *slot, const void *p);
void live_cancel(const struct live_slot *slot);

static inline void live_publish_by(bool is_alone, const struct live_slot *slot,
				   const void *p)
{
	live_count_by(is_alone, p);
	atomic_store_explicit(live_id_of(slot->x_slot), slot->id,
			      memory_order_relaxed);
	// release: pairs with find's acquire: the id comes before
	atomic_store_explicit(slot->x_slot, (uintptr_t)p, memory_order_release);
}

// True when P is in the table, which is left alone: who takes it out at the
// same time finds it.
bool live_has(const void *p);

// Takes P out. False when it is not in the table. The slot stays TAKEN until
// one of:
bool live_take(const void *p, struct live_slot *ret);
// (by one look only, which is enough for nearly all)
static inline bool live_take_home(bool is_alone, const void *p,
				  struct live_slot *ret)
{
	_Atomic uint64_t *x = live_home(p);
	uint64_t expected = (uintptr_t)p;

	// acquire: pairs with live_publish's release, so that the id read next
	// is this pointer's
	if (atomic_load_explicit(x, memory_order_acquire) != expected)
		return false;
	ret->x_slot = x;
	ret->id = atomic_load_explicit(live_id_of(x), memory_order_relaxed);
	// Fails only when the host frees one block twice at once.
	return rmw_cas64_by(is_alone, x, &expected, LIVE_TAKEN);
}
// ... it is live after all (a realloc that failed),
void live_restore(const struct live_slot *slot, const void *p);
// ... its FREE was pushed,
void live_release(const struct live_slot *slot, const void *p);
// ... or found no room: the collector sweeps it.
void live_defer(const struct live_slot *slot, const void *p);

static inline void live_release_by(bool is_alone, const struct live_slot *slot,
				   const void *p)
{
	live_uncount_by(is_alone, p);
	// release: pairs with live_take_slot's acquire
	atomic_store_explicit(slot->x_slot, 0, memory_order_release);
}

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
