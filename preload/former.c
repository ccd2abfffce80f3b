// SPDX-License-Identifier: Apache-2.0
//
// mremap() of no bytes makes a second mapping of the same shared pages, for
// which no descriptor is needed. They are given back by MADV_REMOVE, since the
// live table, a part of the same file, stays mapped.
#include "preload/former.h"

#include "preload/ring.h"
#include "preload/sent.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <errno.h>
#include <sys/mman.h>

// What one event moves, or gives back: some 50 us.
#define MOVE_BYTES  (128u << 10)
#define PIECE_BYTES (1u << 20)
// Ids given out by threads that still see the former region.
#define ID_GAP (1u << 20)
// A writer holds a stripe for a microsecond.
#define HOLD_TRIES 1000

// Means something only while state.x_former, which forks away, is not 0.
static struct {
	uint64_t n_bytes; // still mapped, from x_former on
	uint32_t stripe;  // the next to be moved, of
	uint32_t n_stripes;
	uint64_t held; // by former_hold(): STRIPES_MAX bits
	struct sent_tables sent;
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

// True where the holder of S is in the middle of a push: not where he died in
// it, or where nobody knows any more (IS_LATE). One that is this thread, whose
// push a signal interrupted, goes on where it began.
static bool is_in_use(const struct stripe *s, bool is_late)
{
	uint32_t tid =
		atomic_load_explicit(&s->x_owner_tid, memory_order_relaxed);

	return tid == self.tid ||
	       (!is_late && sys_call(SYS_tgkill, state.pid, tid, 0) != -ESRCH);
}

void former_release(void)
{
	for (uint32_t i = 0; i < STRIPES_MAX; i++)
		if (former.held >> i & 1)
			// release: pairs with the next holder's acquire
			atomic_store_explicit(
				&stripe_of((uintptr_t)state.stripes, i)
					 ->x_owner_tid,
				0, memory_order_release);
	former.held = 0;
}

// Those that have no memory yet were never written to.
bool former_hold(bool is_late)
{
	uint32_t n = state_n_ready();

	former.held = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct stripe *s = stripe_of((uintptr_t)state.stripes, i);

		if (hold(s)) {
			former.held |= 1ull << i;
		} else if (is_in_use(s, is_late)) {
			former_release();
			return false;
		}
	}
	return true;
}

// What a collector that was told to end has said is in its files; what one that
// was killed had is gone: all that was ever pushed, but for what is moved now.
// C and S are the pages of the region before.
static void carry(struct region_status *next, const struct region_control *c,
		  struct region_status *s)
{
	// acquire: pairs with the collector's release: what it said is there
	bool is_told = atomic_load_explicit(&c->x_closed, memory_order_acquire);

	for (int i = 0; i < COUNTER_N; i++) {
		uint64_t n = s->x_counters[i];
		uint64_t said = is_told ? c->x_said[i] : 0;
		int to = i == COUNTER_PUSHED ? COUNTER_GONE : i;

		// These are in the live table still.
		if (i == COUNTER_FREES_DEFERRED)
			said = 0;
		n = n > said ? n - said : 0;
		if (to != i)
			atomic_fetch_add_explicit(&next->x_counters[to], n,
						  memory_order_relaxed);
		if (i != COUNTER_GONE)
			atomic_fetch_add_explicit(&next->x_counters[i], n,
						  memory_order_relaxed);
	}
}

static bool double_mapping(const struct region_control *c, uint64_t n)
{
	long at = sys_call(SYS_mremap, c, 0, n, MREMAP_MAYMOVE);

	if (at < 0 && at > -4096)
		return false;
	(void)sys_call(SYS_madvise, at, n, MADV_DONTFORK);
	(void)sys_call(SYS_madvise, at, n, MADV_DONTDUMP);
	former.n_bytes = n;
	former.stripe = 0;
	former.n_stripes = state_n_ready();
	former.sent = sent_tables(c, (uintptr_t)at);
	atomic_store_explicit(&state.x_former, (uintptr_t)at,
			      memory_order_relaxed);
	return true;
}

void former_keep(struct region_status *next)
{
	const struct region_control *c = state_control();

	atomic_init(&next->x_last_id, state.status->x_last_id + ID_GAP);
	atomic_init(&next->x_worth, state.status->x_worth);
	if (!double_mapping(c, c->live_offset))
		carry(next, c, state.status);
}

// Nobody counts in the former page any more, whatever happened until now.
void former_carry(void)
{
	uintptr_t at =
		atomic_load_explicit(&state.x_former, memory_order_relaxed);

	if (at)
		carry(state.status, (const struct region_control *)at,
		      (struct region_status *)(at + REGION_PAGE));
}

void former_drop(void)
{
	uintptr_t at = atomic_exchange_explicit(&state.x_former, 0,
						memory_order_relaxed);

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
	uint64_t base = atomic_load_explicit(&s->x_base, memory_order_relaxed);
	uint64_t at = (tail - base) & (size - 1), room = size - at;
	const struct record_head *r =
		(const struct record_head *)(s->data + at);
	uint32_t n_head = room >= sizeof(*r) && r->form == FORM_BRIEF
				  ? RECORD_MIN_BYTES
				  : (uint32_t)sizeof(struct record);
	int err;

	if (room > n_left)
		room = n_left;
	if (room >= sizeof(*r) && r->type == RECORD_PAD)
		n_head = sizeof(*r);
	if (room < n_head || r->size_bytes < n_head || r->size_bytes % 8 ||
	    r->size_bytes > room)
		return (long)room;
	err = r->type == RECORD_PAD ? 0 : ring_move(r, &former.sent);
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

	if (!ring_knows_thread())
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
