// SPDX-License-Identifier: Apache-2.0
//
// All of it is inlined into two functions, without a call.
// test/bench/exact_pairs_test.py counts their instructions.
#include "preload/exact.h"

#include "preload/labels.h"
#include "preload/live.h"
#include "preload/ring.h"
#include "preload/rmw.h"
#include "preload/state.h"
#include "preload/stripe.h"
#include "preload/sys.h"
#include "preload/unwind.h"

#include <assert.h>

#define GRANT_MAX 64u
// As sample.c: one in so many is timed.
#define TIMED_EVERY 64u
// Ids that a thread takes at once.
#define IDS 64u

// A stack whose samples may take the short way.
struct way {
	const uintptr_t *frame; // NULL: none
	struct unwind_proof proof;
};
#define LG_WAYS 3u

// What one thread was granted. Its owner's and, since a handler may allocate
// too, only while IS_BUSY says that nobody is in the middle of it: a line of
// memory and, beside it, its WAYS.
static struct grant {
	// The thread and its session, 0 = nobody. Taken by compare-and-swap,
	// relaxed: only the owner looks at the rest.
	_Alignas(CACHELINE) _Atomic uint64_t x_owner;
	volatile bool is_busy;
	uint32_t n_left;
	uint32_t n_granted;
	uint32_t n_timed; // counts on, modulo TIMED_EVERY
	uint64_t visit_ns;
	uint64_t next_id; // up to that limit they are its own
	uint64_t id_limit;
	struct stripe *stripe;
	struct way *ways; // 2^LG_WAYS, by stack
} grants[64];
static_assert(sizeof(struct grant) == CACHELINE, "one line");

static struct way ways[64][1 << LG_WAYS];

static struct grant *grant_of_thread(void)
{
	return &grants[self.tid % (sizeof(grants) / sizeof(*grants))];
}

// The calling thread, if it is registered in the session there is.
static uint64_t owner_now(void)
{
	return (uint64_t)state.serial << 32 | self.tid;
}

static bool is_own(const struct grant *g)
{
	return atomic_load_explicit(&g->x_owner, memory_order_relaxed) ==
	       owner_now();
}

static struct way *way_of(struct grant *g, const uintptr_t *frame)
{
	uint32_t h = (uint32_t)(frame[1] ^ (uintptr_t)frame >> 3) * 2654435761u;

	return &g->ways[h >> (32 - LG_WAYS)];
}

static void begin(struct grant *g)
{
	g->is_busy = true;
	atomic_signal_fence(memory_order_seq_cst);
}

static void end(struct grant *g)
{
	atomic_signal_fence(memory_order_seq_cst);
	g->is_busy = false;
}

static uint64_t last_visit_ns(void)
{
	return atomic_load_explicit(&state_control()->x_heartbeat_ns,
				    memory_order_relaxed);
}

static INLINE uint64_t next_id(bool is_alone, struct grant *g)
{
	if (UNLIKELY(g->next_id == g->id_limit)) {
		g->next_id =
			1 + rmw_add_by(is_alone, &state.status->x_last_id, IDS);
		g->id_limit = g->next_id + IDS;
	}
	return g->next_id++;
}

static INLINE void count_pushed(bool is_alone)
{
	(void)rmw_add_by(is_alone, &state.status->x_counters[COUNTER_PUSHED],
			 1);
}

static INLINE void *make_room(struct stripe *s, uint32_t n_bytes)
{
	void *at = stripe_room(s, n_bytes);

	return LIKELY(at) || !ring_make_room(s, n_bytes)
		       ? at
		       : stripe_room(s, n_bytes);
}

static INLINE bool push_alloc(bool is_alone, struct stripe *s, uint64_t id,
			      uint32_t n_bytes, const struct sent_stack *stack)
{
	struct record_alloc *r;

	if (UNLIKELY(!stripe_take(is_alone, s)))
		return false;
	r = make_room(s, sizeof(*r));
	if (UNLIKELY(!r || !sent_is_valid(stack))) {
		stripe_give(s);
		return false;
	}
	*r = (struct record_alloc){.size_bytes = sizeof(*r),
				   .type = RECORD_ALLOC,
				   .form = FORM_BRIEF,
				   .tid = self.tid,
				   .n_bytes = n_bytes,
				   .id = id,
				   .hash = stack->hash};
	stripe_commit(s, sizeof(*r));
	stripe_give(s);
	count_pushed(is_alone);
	return true;
}

static INLINE bool push_free(bool is_alone, struct stripe *s, uint64_t id)
{
	struct record_free *r;

	if (UNLIKELY(!stripe_take(is_alone, s)))
		return false;
	r = make_room(s, sizeof(*r));
	if (UNLIKELY(!r)) {
		stripe_give(s);
		return false;
	}
	*r = (struct record_free){.size_bytes = sizeof(*r),
				  .type = RECORD_FREE,
				  .form = FORM_BRIEF,
				  .id = id};
	stripe_commit(s, sizeof(*r));
	stripe_give(s);
	count_pushed(is_alone);
	return true;
}

static INLINE bool put_alloc(struct grant *g, const void *p, uint32_t n_bytes,
			     const struct sent_stack *stack)
{
	bool is_alone = sys_is_single_threaded();
	struct live_slot slot;

	// One that the filter has may be in the table, its free unseen.
	if ((uintptr_t)p & LIVE_STATE || (live_maybe(p) && live_has(p)) ||
	    UNLIKELY(!live_reserve_home(is_alone, p, &slot)))
		return false;
	slot.id = next_id(is_alone, g);
	if (UNLIKELY(!push_alloc(is_alone, g->stripe, slot.id, n_bytes,
				 stack))) {
		live_cancel(&slot);
		return false;
	}
	live_publish_by(is_alone, &slot, p);
	return true;
}

// The same, timed for TIMED_EVERY of them.
static COLD bool put_alloc_timed(struct grant *g, const void *p,
				 uint32_t n_bytes,
				 const struct sent_stack *stack)
{
	uint64_t start = sys_now_ns();
	bool is_done = put_alloc(g, p, n_bytes, stack);

	state_count(COUNTER_OVERHEAD_NS, (sys_now_ns() - start) * TIMED_EVERY);
	return is_done;
}

static INLINE bool put_granted(struct grant *g, const void *p, size_t n_bytes,
			       const uintptr_t *frame)
{
	const struct way *way = way_of(g, frame);

	if (UNLIKELY(g->visit_ns != last_visit_ns() || way->frame != frame ||
		     !unwind_is_proved(&way->proof)))
		return false;
	g->n_left--;
	if (UNLIKELY(!(++g->n_timed % TIMED_EVERY) && !state_is_sandboxed()))
		return put_alloc_timed(g, p, (uint32_t)n_bytes,
				       &way->proof.sent);
	return put_alloc(g, p, (uint32_t)n_bytes, &way->proof.sent);
}

bool exact_alloc(const void *p, size_t n_bytes, const uintptr_t *frame)
{
	struct grant *g = grant_of_thread();
	bool is_done;

	if (self.heap_rate != 1 || !p || n_bytes > UINT32_MAX || labels_now ||
	    (self.flags & (THREAD_SEEN | THREAD_PAUSED | THREAD_CHANGING |
			   THREAD_ENDED)) != THREAD_SEEN ||
	    !state_control() || !is_own(g) || g->is_busy || !g->n_left)
		return false;
	live_prefetch(p);
	begin(g);
	is_done = put_granted(g, p, n_bytes, frame);
	end(g);
	return is_done;
}

bool exact_free(const void *p)
{
	bool is_alone = sys_is_single_threaded();
	const struct grant *g = grant_of_thread();
	struct live_slot slot;

	live_prefetch(p);
	// The allocator's own word in front of the block is looked at next.
	__builtin_prefetch((const char *)p - sizeof(size_t), 1);
	if (UNLIKELY(!state_control() || !is_own(g) ||
		     !live_take_home(is_alone, p, &slot)))
		return false;
	if (UNLIKELY(!push_free(is_alone, g->stripe, slot.id))) {
		live_restore(&slot, p);
		return false;
	}
	live_release_by(is_alone, &slot, p);
	return true;
}

static COLD bool claim(struct grant *g)
{
	uint64_t nobody = 0;

	// The thread's handlers are not to believe the rest before it is there.
	if (!atomic_compare_exchange_strong_explicit(
		    &g->x_owner, &nobody, UINT64_MAX, memory_order_relaxed,
		    memory_order_relaxed))
		return false;
	g->is_busy = false;
	g->n_left = g->n_granted = 0;
	g->next_id = g->id_limit = 0;
	g->ways = ways[g - grants];
	for (int i = 0; i < 1 << LG_WAYS; i++)
		g->ways[i].frame = NULL;
	g->stripe = state_stripe(stripe_own(state_n_ready()));
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&g->x_owner, owner_now(), memory_order_relaxed);
	return true;
}

void exact_grant(const uintptr_t *frame)
{
	struct grant *g = grant_of_thread();
	uint64_t visit_ns = last_visit_ns();
	struct way *way;

	if (!state.n_stripes || (!is_own(g) && !claim(g)) || g->is_busy)
		return;
	begin(g);
	if (visit_ns != g->visit_ns)
		g->n_granted = 1;
	else if (g->n_granted < GRANT_MAX)
		g->n_granted *= 2;
	g->n_left = g->n_granted;
	g->visit_ns = visit_ns;
	g->stripe = state_stripe(stripe_own(state_n_ready()));
	way = way_of(g, frame);
	way->frame = unwind_prove(frame, &way->proof) ? frame : NULL;
	end(g);
}

void exact_forget(void)
{
	uint64_t owner = owner_now();

	(void)atomic_compare_exchange_strong_explicit(
		&grant_of_thread()->x_owner, &owner, 0, memory_order_relaxed,
		memory_order_relaxed);
}

void exact_clear(void)
{
	for (size_t i = 0; i < sizeof(grants) / sizeof(*grants); i++)
		if (atomic_load_explicit(&grants[i].x_owner,
					 memory_order_relaxed))
			atomic_store_explicit(&grants[i].x_owner, 0,
					      memory_order_relaxed);
}
