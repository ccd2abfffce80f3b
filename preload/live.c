// SPDX-License-Identifier: Apache-2.0
//
// The live table. A pointer may lie in one of two buckets: with one, buckets of
// eight overflow at half load; with two choices they hold until nearly full.
#include "preload/live.h"

#include "preload/rmw.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <string.h>

// A bucket with no more empty slots than these is filling up.
#define FEW_EMPTY 2u
_Atomic uint8_t live_x_filter[1u << LIVE_LG_FILTER];

static uint32_t second_bucket_of(const void *p)
{
	return (uint32_t)((live_hash(p) * 0xc2b2ae3d27d4eb4full) >> 32) &
	       state.live_mask;
}

static _Atomic uint64_t *find_in(uint32_t bucket, const void *p)
{
	for (uint32_t i = 0; i < LIVE_SLOTS; i++) {
		_Atomic uint64_t *x = &state.buckets[bucket].x_slots[i];

		// acquire: pairs with live_publish's release, so that the id
		// read next is this pointer's
		if (atomic_load_explicit(x, memory_order_acquire) ==
		    (uintptr_t)p)
			return x;
	}
	return NULL;
}

static _Atomic uint64_t *find(const void *p)
{
	_Atomic uint64_t *x = find_in(live_first_bucket(p), p);

	return x ? x : find_in(second_bucket_of(p), p);
}

bool live_has(const void *p)
{
	return state_control() && find(p);
}

static _Atomic uint64_t *take_empty(uint32_t bucket)
{
	for (uint32_t i = 0; i < LIVE_SLOTS; i++) {
		_Atomic uint64_t *x = &state.buckets[bucket].x_slots[i];

		if (live_take_slot(sys_is_single_threaded(), x))
			return x;
	}
	return NULL;
}

// How many slots of BUCKET are empty: all, or ENOUGH.
static uint32_t count_empty(uint32_t bucket, uint32_t enough)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < LIVE_SLOTS && n < enough; i++)
		n += !atomic_load_explicit(&state.buckets[bucket].x_slots[i],
					   memory_order_relaxed);
	return n;
}

// An empty slot of P's buckets: of the first, until it fills up; then of the
// one that has more left, so that no bucket is full long before the others.
static _Atomic uint64_t *take_either(const void *p)
{
	uint32_t first = live_first_bucket(p), second;
	uint32_t n = count_empty(first, FEW_EMPTY + 1);
	_Atomic uint64_t *x = n > FEW_EMPTY ? take_empty(first) : NULL;

	if (LIKELY(x))
		return x;
	second = second_bucket_of(p);
	if (count_empty(second, LIVE_SLOTS) > n)
		x = take_empty(second);
	if (!x)
		x = take_empty(first);
	return x ? x : take_empty(second);
}

bool live_reserve(const void *p, struct live_slot *ret, uint64_t *ret_stale_id)
{
	struct live_slot old;

	*ret_stale_id = 0;
	// Tags need three low bits; every allocator aligns to 8.
	if ((uintptr_t)p & LIVE_STATE)
		return false;
	// The filter knows every entry there is, and spares a look at the
	// second bucket, whose line of memory is far away.
	if (live_maybe(p) && live_take(p, &old)) {
		*ret_stale_id = old.id;
		ret->x_slot = old.x_slot;
		return true;
	}
	if (LIKELY(live_reserve_home(sys_is_single_threaded(), p, ret)))
		return true;
	ret->x_slot = take_either(p);
	return ret->x_slot;
}

void live_uncount(const void *p)
{
	live_uncount_by(sys_is_single_threaded(), p);
}

void live_publish(const struct live_slot *slot, const void *p)
{
	live_publish_by(sys_is_single_threaded(), slot, p);
}

void live_cancel(const struct live_slot *slot)
{
	// release: pairs with live_take_slot's acquire
	atomic_store_explicit(slot->x_slot, 0, memory_order_release);
}

bool live_take(const void *p, struct live_slot *ret)
{
	uint64_t expected = (uintptr_t)p;
	_Atomic uint64_t *x;

	if (!p || !state_control())
		return false;
	if (LIKELY(live_take_home(sys_is_single_threaded(), p, ret)))
		return true;
	x = find(p);
	if (!x)
		return false;
	ret->x_slot = x;
	ret->id = atomic_load_explicit(live_id_of(x), memory_order_relaxed);
	// Fails only when the host frees one block twice at once.
	return rmw_cas64_by(sys_is_single_threaded(), x, &expected, LIVE_TAKEN);
}

void live_restore(const struct live_slot *slot, const void *p)
{
	// release: pairs with find's acquire; the id never left
	atomic_store_explicit(slot->x_slot, (uintptr_t)p, memory_order_release);
}

void live_release(const struct live_slot *slot, const void *p)
{
	live_release_by(sys_is_single_threaded(), slot, p);
}

void live_defer(const struct live_slot *slot, const void *p)
{
	live_uncount_by(sys_is_single_threaded(), p);
	// Counted first: a process that was killed in between is swept.
	state_count(COUNTER_FREES_DEFERRED, 1);
	// release: pairs with the collector's acquire: the id is valid
	atomic_store_explicit(slot->x_slot, (uintptr_t)p | LIVE_FREED,
			      memory_order_release);
}

static bool sweep_slot(_Atomic uint64_t *x, int (*push)(uint64_t id))
{
	uint64_t v = atomic_load_explicit(x, memory_order_acquire);

	if ((v & LIVE_STATE) != LIVE_FREED)
		return true;
	// Two threads at once would push it twice: take it first.
	if (!atomic_compare_exchange_strong_explicit(x, &v, LIVE_TAKEN,
						     memory_order_acquire,
						     memory_order_relaxed))
		return true;
	if (push(atomic_load_explicit(live_id_of(x), memory_order_relaxed))) {
		atomic_store_explicit(x, v, memory_order_release);
		return false;
	}
	atomic_store_explicit(x, 0, memory_order_release);
	return true;
}

void live_sweep(int (*push)(uint64_t id))
{
	static _Atomic uint32_t x_next;
	uint32_t first = atomic_fetch_add_explicit(&x_next, LIVE_SWEEP_BUCKETS,
						   memory_order_relaxed);

	for (uint32_t i = 0; i < LIVE_SWEEP_BUCKETS * LIVE_SLOTS; i++) {
		uint32_t bucket = (first + i / LIVE_SLOTS) & state.live_mask;

		if (!sweep_slot(&state.buckets[bucket].x_slots[i % LIVE_SLOTS],
				push))
			return;
	}
}

void live_clear(void)
{
	for (size_t i = 0; i < sizeof(live_x_filter); i++)
		if (atomic_load_explicit(&live_x_filter[i],
					 memory_order_relaxed) !=
		    LIVE_FILTER_MANY)
			atomic_store_explicit(&live_x_filter[i], 0,
					      memory_order_relaxed);
}

void live_pin(const void *p)
{
	atomic_store_explicit(live_filter_of(p), LIVE_FILTER_MANY,
			      memory_order_relaxed);
}
