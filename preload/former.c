// SPDX-License-Identifier: Apache-2.0
//
// mremap() of no bytes makes a second mapping of the same shared pages, for
// which no descriptor is needed. They are given back by MADV_REMOVE, since the
// live table, a part of the same file, stays mapped.
#include "preload/former.h"

#include "preload/ring.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <errno.h>
#include <sys/mman.h>

// What one event moves, or gives back: some 50 us.
#define MOVE_BYTES  (128u << 10)
#define PIECE_BYTES (1u << 20)
// Ids given out by threads that still see the former region.
#define ID_GAP (1u << 20)
// A writer holds a stripe for a microsecond; one that was preempted meanwhile
// is not waited for: its record is lost, and the ring it breaks is reset.
#define HOLD_TRIES 1000

// Means something only while state.x_former, which forks away, is not 0.
static struct {
	uint64_t n_bytes; // still mapped, from x_former on
	uint32_t stripe;  // the next to be moved, of
	uint32_t n_stripes;
	uint64_t held; // by former_keep(): STRIPES_MAX bits
} former;

static struct stripe *stripe_of(uintptr_t stripes, uint32_t i)
{
	return (struct stripe *)(stripes + i * state.stripe_step_bytes);
}

static bool hold(struct stripe *s)
{
	for (int i = 0; i < HOLD_TRIES; i++) {
		uint32_t nobody = 0;

		// acquire: pairs with the last holder's release
		if (atomic_compare_exchange_weak_explicit(
			    &s->x_owner_tid, &nobody, state.pid,
			    memory_order_acquire, memory_order_relaxed))
			return true;
	}
	return false;
}

// Those that have no memory yet were never written to.
static void hold_stripes(void)
{
	former.held = 0;
	former.stripe = 0;
	former.n_stripes = ring_n_ready();
	for (uint32_t i = 0; i < former.n_stripes; i++)
		if (hold(stripe_of((uintptr_t)state.stripes, i)))
			former.held |= 1ull << i;
}

// What a collector that was told to end had is in its files; what one that was
// killed had is gone: all that was ever pushed, but for what is moved now.
static void carry_on(struct region_status *next)
{
	const struct region_control *c = state_control();
	bool is_told = atomic_load_explicit(&c->x_closed, memory_order_relaxed);
	struct region_status *s = state.status;

	for (int i = 0; i < COUNTER_N; i++)
		if (!is_told || i == COUNTER_FREES_DEFERRED)
			atomic_init(&next->x_counters[i], s->x_counters[i]);
	if (!is_told)
		atomic_init(&next->x_counters[COUNTER_GONE],
			    s->x_counters[COUNTER_PUSHED]);
	atomic_init(&next->x_last_id, s->x_last_id + ID_GAP);
	atomic_init(&next->x_worth, s->x_worth);
}

// A tick in the middle of this thread's own push: that goes on where it began.
static bool is_writing(void)
{
	for (uint32_t i = 0; i < ring_n_ready(); i++) {
		struct stripe *s = stripe_of((uintptr_t)state.stripes, i);

		if (atomic_load_explicit(&s->x_owner_tid,
					 memory_order_relaxed) == self.tid)
			return true;
	}
	return false;
}

bool former_keep(struct region_status *next)
{
	const struct region_control *c = state_control();
	uint64_t n = c->live_offset;
	long at;

	if (is_writing())
		return false;
	hold_stripes();
	carry_on(next);
	at = sys_call(SYS_mremap, c, 0, n, MREMAP_MAYMOVE);
	if (at < 0 && at > -4096)
		return true;
	(void)sys_call(SYS_madvise, at, n, MADV_DONTFORK);
	(void)sys_call(SYS_madvise, at, n, MADV_DONTDUMP);
	former.n_bytes = n;
	atomic_store_explicit(&state.x_former, (uintptr_t)at,
			      memory_order_relaxed);
	return true;
}

void former_cancel(void)
{
	uintptr_t at = atomic_exchange_explicit(&state.x_former, 0,
						memory_order_relaxed);

	for (uint32_t i = 0; i < STRIPES_MAX; i++)
		if (former.held >> i & 1)
			// release: pairs with the next holder's acquire
			atomic_store_explicit(
				&stripe_of((uintptr_t)state.stripes, i)
					 ->x_owner_tid,
				0, memory_order_release);
	if (at)
		(void)sys_call(SYS_munmap, at, former.n_bytes);
}

// It was not lost after all.
static void count_moved(void)
{
	_Atomic uint64_t *x_gone = &state.status->x_counters[COUNTER_GONE];

	if (atomic_load_explicit(x_gone, memory_order_relaxed))
		atomic_fetch_sub_explicit(x_gone, 1, memory_order_relaxed);
}

// Moves the record at S's tail, N_LEFT bytes before its head. Returns the bytes
// that it takes there (all of them when it makes no sense) or negative errno.
static long move_record(const struct stripe *s, uint64_t tail, uint64_t n_left)
{
	uint64_t size = state_control()->stripe_bytes;
	uint64_t at = tail & (size - 1), room = size - at;
	const struct record *r = (const struct record *)(s->data + at);
	int err;

	if (room > n_left)
		room = n_left;
	if (room < sizeof(*r) || r->size_bytes < sizeof(*r) ||
	    r->size_bytes % 8 || r->size_bytes > room)
		return (long)room;
	err = r->type == RECORD_PAD ? 0 : ring_move(r);
	if (err)
		return err;
	if (r->type != RECORD_PAD)
		count_moved();
	return (long)r->size_bytes;
}

static int move_stripe(struct stripe *s, uint64_t *n_budget)
{
	uint64_t head = atomic_load_explicit(&s->x_head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&s->x_tail, memory_order_relaxed);
	long n = 0;

	if (head - tail > state_control()->stripe_bytes)
		return 0;
	while (tail != head && *n_budget) {
		n = move_record(s, tail, head - tail);
		if (n < 0)
			break;
		tail += (uint64_t)n;
		*n_budget -= (uint64_t)n < *n_budget ? (uint64_t)n : *n_budget;
	}
	atomic_store_explicit(&s->x_tail, tail, memory_order_relaxed);
	return n < 0 ? (int)n : tail == head ? 0 : -EAGAIN;
}

// 0: all is moved; -EAGAIN: N_BYTES of it; else there is no room.
static int move(uint64_t n_bytes)
{
	uintptr_t stripes =
		atomic_load_explicit(&state.x_former, memory_order_relaxed) +
		state_control()->stripes_offset;

	// A thread that is not registered can't hold a stripe.
	if (self.serial != state.serial || !self.tid)
		return -EAGAIN;
	for (; former.stripe < former.n_stripes; former.stripe++) {
		int err = move_stripe(stripe_of(stripes, former.stripe),
				      &n_bytes);

		if (err)
			return err;
	}
	return 0;
}

static void drop_piece(void)
{
	uintptr_t at =
		atomic_load_explicit(&state.x_former, memory_order_relaxed);
	uint64_t n =
		former.n_bytes < PIECE_BYTES ? former.n_bytes : PIECE_BYTES;

	(void)sys_call(SYS_madvise, at, n, MADV_REMOVE);
	(void)sys_call(SYS_munmap, at, n);
	former.n_bytes -= n;
	atomic_store_explicit(&state.x_former, former.n_bytes ? at + n : 0,
			      memory_order_relaxed);
}

void former_advance(bool is_stale)
{
	if (!atomic_load_explicit(&state.x_former, memory_order_relaxed))
		return;
	if (former.stripe == former.n_stripes && !state_is_sandboxed())
		drop_piece();
	else if (move(MOVE_BYTES) == -ENOSPC && is_stale)
		former.stripe = former.n_stripes;
}

bool former_move(void)
{
	return !atomic_load_explicit(&state.x_former, memory_order_relaxed) ||
	       !move(UINT64_MAX);
}
