// SPDX-License-Identifier: Apache-2.0
//
// Two tables and two halves of a log that take turns.
#include "preload/sent.h"

#include "preload/sys.h"

// Slots in a row where a stack may stand.
#define PROBES 4u

struct sent_tables sent_tables(const struct region_control *c, uintptr_t base)
{
	return (struct sent_tables){
		.x_slots = (_Atomic uint64_t *)(base + c->sent_offset),
		.log = (unsigned char *)(base + c->log_offset),
		.lg_slots = c->lg_sent,
		.lg_units = c->lg_log - 3,
	};
}

static _Atomic uint64_t *slot_of(const struct sent_tables *t, uint32_t half,
				 uint64_t i)
{
	uint64_t n = 1ull << t->lg_slots;

	return &t->x_slots[(half & 1) * n + (i & (n - 1))];
}

// 0 is an empty slot: position 0 is never used.
static uint64_t slot_value(uint64_t hash, uint32_t position)
{
	return hash >> 32 << 32 | position;
}

static bool is_of(uint64_t slot, uint32_t half)
{
	return slot && sent_half_of((uint32_t)slot) == half;
}

static unsigned char *place_of(const struct sent_tables *t, uint32_t position)
{
	uint32_t n = 2u << t->lg_units;

	return t->log + (uint64_t)(position & (n - 1)) * LOG_UNIT;
}

bool sent_has(uint64_t hash, struct sent_stack *ret)
{
	uint32_t half = sent_half_of(atomic_load_explicit(
		&state.status->x_log_end, memory_order_relaxed));

	*ret = (struct sent_stack){
		.hash = hash,
		.region = atomic_load_explicit(&state.x_region,
					       memory_order_relaxed),
		.half = half,
	};
	for (uint32_t i = 0; i < PROBES; i++) {
		// acquire: pairs with publish(): the push came before, so that
		// the collector has the stack before its hash, or will have in
		// the next round over all rings
		uint64_t slot = atomic_load_explicit(slot_of(&state.sent, half,
							     hash + i),
						     memory_order_acquire);

		if (!is_of(slot, half))
			return false;
		if (slot >> 32 == hash >> 32)
			return true;
	}
	return false;
}

// HALF has begun. A stripe that has a holder may get one more record that names
// a stack of the half before.
static void note_heads(uint32_t half)
{
	struct region_status *s = state.status;

	// pairs with the barrier of taking a stripe: a holder that this does
	// not see sees the new half
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < state_n_ready(); i++) {
		struct stripe *st = state_stripe(i);
		bool is_held = atomic_load_explicit(&st->x_owner_tid,
						    memory_order_relaxed);
		uint64_t head =
			atomic_load_explicit(&st->x_head, memory_order_relaxed);

		atomic_store_explicit(&s->x_log_heads[i],
				      head + is_held * 2 * RECORD_MAX_BYTES,
				      memory_order_relaxed);
	}
	// release: pairs with may_begin's acquire
	atomic_store_explicit(&s->x_log_noted, half, memory_order_release);
}

static bool is_read(uint32_t i)
{
	struct stripe *st = state_stripe(i);
	uint64_t head = atomic_load_explicit(&st->x_head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&st->x_tail, memory_order_relaxed);

	return tail >= atomic_load_explicit(&state.status->x_log_heads[i],
					    memory_order_relaxed) ||
	       (tail == head &&
		!atomic_load_explicit(&st->x_owner_tid, memory_order_relaxed));
}

// True when the collector has read all that was pushed before the half in front
// of HALF began: then nobody needs the half that HALF takes the place of.
static bool may_begin(uint32_t half)
{
	if (half == 1)
		return true;
	if (atomic_load_explicit(&state.status->x_log_noted,
				 memory_order_acquire) != half - 1)
		return false;
	for (uint32_t i = 0; i < state_n_ready(); i++)
		if (!is_read(i))
			return false;
	return true;
}

// N units of the log: their position, or 0 when there is no room now.
static uint32_t take_log(uint32_t n)
{
	_Atomic uint32_t *x_end = &state.status->x_log_end;
	uint32_t n_half = 1u << state.sent.lg_units;
	uint32_t end = atomic_load_explicit(x_end, memory_order_relaxed);
	uint32_t at;

	do {
		at = end ? end : 1;
		if (sent_half_of(at) != sent_half_of(at + n - 1))
			at = (sent_half_of(at) + 1) * n_half;
		if (at && !(at & (n_half - 1)) && !may_begin(sent_half_of(at)))
			return 0;
	} while (!atomic_compare_exchange_weak(x_end, &end, at + n));
	if (!(at & (n_half - 1)))
		note_heads(sent_half_of(at));
	return at;
}

// A slot for HASH in HALF and what it holds now; NULL when there is none.
static _Atomic uint64_t *find_slot(uint64_t hash, uint32_t half,
				   uint64_t *ret_value)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		_Atomic uint64_t *x = slot_of(&state.sent, half, hash + i);

		*ret_value = atomic_load_explicit(x, memory_order_relaxed);
		if (!is_of(*ret_value, half))
			return x;
		if (*ret_value >> 32 == hash >> 32)
			return NULL; // it is there already
	}
	return NULL;
}

static void publish(uint64_t hash, uint32_t position)
{
	uint64_t before;
	_Atomic uint64_t *x = find_slot(hash, sent_half_of(position), &before);

	// release: pairs with the acquires of sent_has() and sent_find(). If
	// another was quicker, this stack is sent once more some time.
	if (x)
		(void)atomic_compare_exchange_strong_explicit(
			x, &before, slot_value(hash, position),
			memory_order_release, memory_order_relaxed);
}

void sent_keep(const struct record_frames *f)
{
	uint32_t half = sent_half_of(atomic_load_explicit(
		&state.status->x_log_end, memory_order_relaxed));
	// Others can write to where it lies.
	uint32_t n_frames = *(const volatile uint32_t *)&f->n_frames;
	uint32_t n_bytes = (uint32_t)sizeof(*f) + n_frames * 8;
	uint64_t before;
	uint32_t at;

	if (n_frames > STACK_DEPTH_MAX || !find_slot(f->hash, half, &before))
		return;
	at = take_log(n_bytes / LOG_UNIT);
	if (!at)
		return;
	sys_copy(place_of(&state.sent, at), f, n_bytes);
	publish(f->hash, at);
}

// The entry at POSITION, if it is that of HASH.
static const struct record_frames *entry_at(const struct sent_tables *t,
					    uint32_t position, uint64_t hash)
{
	const struct record_frames *f =
		(const struct record_frames *)place_of(t, position);
	uint32_t n_half = 1u << t->lg_units;
	uint32_t room = n_half - (position & (n_half - 1));

	if (room < sizeof(*f) / LOG_UNIT || f->hash != hash ||
	    f->n_frames > STACK_DEPTH_MAX ||
	    f->n_frames > room - sizeof(*f) / LOG_UNIT)
		return NULL;
	return f;
}

const struct record_frames *sent_find(const struct sent_tables *t,
				      uint64_t hash)
{
	for (uint32_t i = 0; i < 2 * PROBES; i++) {
		uint64_t slot = atomic_load_explicit(
			slot_of(t, i & 1, hash + i / 2), memory_order_acquire);
		const struct record_frames *f = NULL;

		if (slot >> 32 == hash >> 32)
			f = entry_at(t, (uint32_t)slot, hash);
		if (f)
			return f;
	}
	return NULL;
}
