// SPDX-License-Identifier: Apache-2.0
//
// All of a sample is inlined into one function, without a call, and all of a
// free. test/bench/exact_pairs_test.py counts their instructions.
#include "preload/exact.h"

#include "preload/labels.h"
#include "preload/live.h"
#include "preload/place.h"
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
// memory and, beside it, its ways[].
static struct grant {
	_Alignas(CACHELINE) _Atomic uint64_t x_owner;
	volatile bool is_busy;
	uint32_t n_left;
	uint32_t n_granted;
	uint32_t n_timed; // counts on, modulo TIMED_EVERY
	uint64_t visit_ns;
	uint64_t next_id; // up to that limit they are its own
	uint64_t id_limit;
	struct stripe *stripe;
	uint32_t region; // STRIPE's, of state.x_region's numbers
} grants[PLACES];
static_assert(sizeof(struct grant) == CACHELINE, "one line");

static struct way ways[PLACES][1 << LG_WAYS]; // those of each grant, by stack

static struct grant *grant_of_thread(void)
{
	return &grants[place_of_thread()];
}

static bool is_own(const struct grant *g)
{
	return place_is_own(&g->x_owner);
}

static struct way *way_of(const struct grant *g, const uintptr_t *frame)
{
	uint32_t h = (uint32_t)(frame[1] ^ (uintptr_t)frame >> 3) * 2654435761u;

	return &ways[g - grants][h >> (32 - LG_WAYS)];
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

static uint32_t region_now(void)
{
	return atomic_load_explicit(&state.x_region, memory_order_relaxed);
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

// Where N_BYTES of a record that names the stack SENT (NULL: none) are to be
// written in S, which is taken. NULL: not now, and S is free.
static INLINE void *begin_push(struct stripe *s, uint32_t n_bytes,
			       const struct sent_stack *sent)
{
	void *at;

	// Asked anew: a handler in between may have begun a thread.
	if (UNLIKELY(!stripe_take(sys_is_single_threaded(), s)))
		return NULL;
	at = stripe_room(s, n_bytes);
	if (UNLIKELY(!at) && ring_make_room(s, n_bytes))
		at = stripe_room(s, n_bytes);
	if (LIKELY(at && (!sent || sent_is_valid(sent))))
		return at;
	stripe_give(s);
	return NULL;
}

static INLINE void end_push(bool is_alone, struct stripe *s, uint32_t n_bytes)
{
	stripe_commit(s, n_bytes);
	stripe_give(s);
	(void)rmw_add_by(is_alone, &state.status->x_counters[COUNTER_PUSHED],
			 1);
}

// A sample that is not brief.
struct full {
	struct record head;
	uint64_t hash;
};

static INLINE void write_alloc(void *at, bool is_brief, uint64_t id,
			       uint64_t n_bytes, const struct unwind_proof *p)
{
	if (is_brief)
		*(struct record_alloc *)at = (struct record_alloc){
			.size_bytes = sizeof(struct record_alloc),
			.type = RECORD_ALLOC,
			.form = FORM_BRIEF,
			.tid = self.tid,
			.n_bytes = (uint32_t)n_bytes,
			.id = id,
			.hash = p->sent.hash};
	else
		*(struct full *)at =
			(struct full){{.size_bytes = sizeof(struct full),
				       .type = RECORD_ALLOC,
				       .form = FORM_HASH,
				       .tid = self.tid,
				       .generation = p->generation,
				       .value = n_bytes,
				       .aux = self.heap_rate,
				       .id = id},
				      p->sent.hash};
}

static INLINE bool put_alloc(struct grant *g, const void *p, size_t n_bytes,
			     const struct unwind_proof *proof, bool is_brief)
{
	uint32_t size =
		is_brief ? sizeof(struct record_alloc) : sizeof(struct full);
	bool is_alone = sys_is_single_threaded();
	struct live_slot slot;
	void *at;

	// One that the filter has may be in the table, its free unseen.
	if ((uintptr_t)p & LIVE_STATE || (live_maybe(p) && live_has(p)) ||
	    UNLIKELY(!live_reserve_home(is_alone, p, &slot)))
		return false;
	at = begin_push(g->stripe, size, &proof->sent);
	if (UNLIKELY(!at)) {
		live_cancel(&slot);
		return false;
	}
	slot.id = next_id(is_alone, g);
	write_alloc(at, is_brief, slot.id, n_bytes, proof);
	end_push(is_alone, g->stripe, size);
	live_publish_by(is_alone, &slot, p);
	return true;
}

// The same, timed for TIMED_EVERY of them.
static COLD bool put_alloc_timed(struct grant *g, const void *p, size_t n_bytes,
				 const struct unwind_proof *proof,
				 bool is_brief)
{
	uint64_t start = sys_now_ns();
	bool is_done = put_alloc(g, p, n_bytes, proof, is_brief);

	state_count(COUNTER_OVERHEAD_NS, (sys_now_ns() - start) * TIMED_EVERY);
	return is_done;
}

static INLINE bool put_granted(struct grant *g, const void *p, size_t n_bytes,
			       const uintptr_t *frame, bool is_brief)
{
	const struct way *way = way_of(g, frame);

	// N_LEFT: a handler may have been granted the last one meanwhile.
	if (UNLIKELY(!g->n_left || g->visit_ns != last_visit_ns() ||
		     way->frame != frame || !unwind_is_proved(&way->proof)))
		return false;
	g->n_left--;
	if (UNLIKELY(!(++g->n_timed % TIMED_EVERY) && !state_is_sandboxed()))
		return put_alloc_timed(g, p, n_bytes, &way->proof, is_brief);
	return put_alloc(g, p, n_bytes, &way->proof, is_brief);
}

// True when the thread was granted something, and has no label and nothing else
// that is the long way's.
static INLINE bool is_granted(const struct grant *g)
{
	return !labels_now &&
	       (self.flags & (THREAD_SEEN | THREAD_PAUSED | THREAD_CHANGING |
			      THREAD_ENDED)) == THREAD_SEEN &&
	       state_control() && is_own(g) && !g->is_busy;
}

bool exact_alloc(const void *p, size_t n_bytes, const uintptr_t *frame)
{
	struct grant *g = grant_of_thread();
	bool is_done;

	if (self.heap_rate != 1 || !p || n_bytes > UINT32_MAX || !is_granted(g))
		return false;
	live_prefetch(p);
	begin(g);
	is_done = put_granted(g, p, n_bytes, frame, true);
	end(g);
	return is_done;
}

bool exact_sample(const void *p, size_t n_bytes, const uintptr_t *frame)
{
	struct grant *g = grant_of_thread();
	bool is_done;

	if (!self.heap_rate || !p || !is_granted(g))
		return false;
	begin(g);
	is_done = put_granted(g, p, n_bytes, frame, false);
	end(g);
	return is_done;
}

static INLINE bool release(bool is_alone, const struct grant *g,
			   const struct live_slot *slot, const void *p)
{
	struct record_free *r;

	// Of another region's stripes this one may not be ready yet.
	if (UNLIKELY(g->region != region_now()))
		return false;
	r = begin_push(g->stripe, sizeof(*r), NULL);
	if (UNLIKELY(!r))
		return false;
	*r = (struct record_free){.size_bytes = sizeof(*r),
				  .type = RECORD_FREE,
				  .form = FORM_BRIEF,
				  .id = slot->id};
	end_push(is_alone, g->stripe, sizeof(*r));
	live_release_by(is_alone, slot, p);
	return true;
}

bool exact_free(const void *p)
{
	bool is_alone = sys_is_single_threaded();
	const struct grant *g = grant_of_thread();
	struct live_slot slot;

	// An empty slot would be taken for its.
	if (UNLIKELY(!p))
		return false;
	live_prefetch(p);
	// The allocator's own word in front of the block is looked at next.
	__builtin_prefetch((const char *)p - sizeof(size_t), 1);
	if (UNLIKELY(!state_control() || !is_own(g) ||
		     !live_take_home(is_alone, p, &slot)))
		return false;
	if (LIKELY(release(is_alone, g, &slot, p)))
		return true;
	live_restore(&slot, p);
	return false;
}

bool exact_release(const struct live_slot *slot, const void *p)
{
	const struct grant *g = grant_of_thread();

	return state_control() && is_own(g) &&
	       release(sys_is_single_threaded(), g, slot, p);
}

static void choose_stripe(struct grant *g)
{
	g->region = region_now();
	g->stripe = state_stripe(stripe_own(state_n_ready()));
}

static COLD bool claim(struct grant *g)
{
	if (!place_claim(&g->x_owner))
		return false;
	g->is_busy = false;
	g->n_left = g->n_granted = 0;
	g->visit_ns = 0;
	g->next_id = g->id_limit = 0;
	for (int i = 0; i < 1 << LG_WAYS; i++)
		ways[g - grants][i].frame = NULL;
	choose_stripe(g);
	place_keep(&g->x_owner);
	return true;
}

void exact_grant(const uintptr_t *frame)
{
	struct grant *g = grant_of_thread();
	uint64_t visit_ns = last_visit_ns();
	struct way *way;

	if (!state.n_stripes || !unwind_has_memo() ||
	    (!is_own(g) && !claim(g)) || g->is_busy)
		return;
	begin(g);
	if (visit_ns != g->visit_ns)
		g->n_granted = 1;
	else if (g->n_granted < GRANT_MAX)
		g->n_granted *= 2;
	g->n_left = g->n_granted;
	g->visit_ns = visit_ns;
	choose_stripe(g);
	way = way_of(g, frame);
	way->frame = unwind_prove(frame, &way->proof) ? frame : NULL;
	end(g);
}

void exact_forget(void)
{
	place_leave(&grant_of_thread()->x_owner);
}

void exact_clear(void)
{
	for (uint32_t i = 0; i < PLACES; i++)
		place_clear(&grants[i].x_owner);
}
