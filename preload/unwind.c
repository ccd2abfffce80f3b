// SPDX-License-Identifier: Apache-2.0
//
// A stack is walked once for its hash, which is all that is needed of most; and
// once more into the ring itself when it is new, so that no buffer for a deep
// stack lies on the host's.
#include "preload/unwind.h"

#include "preload/conf.h"
#include "preload/place.h"
#include "preload/state.h"
#include "preload/sys.h"

// Frames of the shim's own that may lie above the one that counts.
#define OWN_FRAMES 8u

static uint32_t depth(void)
{
	uint64_t n = conf.values[SETTING_STACK_DEPTH] + OWN_FRAMES;

	return n < STACK_DEPTH_MAX ? (uint32_t)n : STACK_DEPTH_MAX;
}

static struct walk_tables tables(void)
{
	uint64_t n = atomic_load_explicit(&state.x_tables_bytes,
					  memory_order_acquire);

	return (struct walk_tables){
		.index = state.walk_index,
		.arena = atomic_load_explicit(&state.x_tables,
					      memory_order_relaxed),
		.arena_bytes = n,
	};
}

// A thread's last walk. Its owner's and, since a handler may allocate too, only
// while IS_BUSY says that nobody is in the middle of it. A longjmp out of there
// leaves it busy: then it is not used any more.
static struct memo {
	_Atomic uint64_t x_owner;
	volatile bool is_busy;
	uint32_t token;		// the collector whose tables it was walked with
	uint32_t generation;	// of that walk
	struct sent_stack sent; // the stack found last, if it was sent
	struct walk_memo walk;
} memos[PLACES];

static struct memo *memo_of_thread(void)
{
	return &memos[place_of_thread()];
}

static COLD bool claim(struct memo *m)
{
	if (!place_claim(&m->x_owner))
		return false;
	m->token = 0;
	m->is_busy = false;
	place_keep(&m->x_owner);
	return true;
}

static bool is_own(const struct memo *m)
{
	return place_is_own(&m->x_owner);
}

// A memo takes some pages of memory: at other rates than 1 it is for threads
// that have taken so many heap samples between two visits of the collector,
// which come every 5 ms at most.
#define MANY_SAMPLES 16u

// Counts another one. Threads that share a place may count for one another.
static bool takes_many(void)
{
	static struct {
		_Atomic uint64_t x_visit_ns;
		_Atomic uint32_t x_n;
	} counts[PLACES];
	uint64_t visit_ns = atomic_load_explicit(
		&state_control()->x_heartbeat_ns, memory_order_relaxed);
	uint32_t i = place_of_thread();

	if (atomic_load_explicit(&counts[i].x_visit_ns, memory_order_relaxed) !=
	    visit_ns) {
		atomic_store_explicit(&counts[i].x_visit_ns, visit_ns,
				      memory_order_relaxed);
		atomic_store_explicit(&counts[i].x_n, 0, memory_order_relaxed);
	}
	return atomic_fetch_add_explicit(&counts[i].x_n, 1,
					 memory_order_relaxed) >= MANY_SAMPLES;
}

// The thread's memo, busy from now on; NULL when it can't have one.
static struct memo *take_memo(const struct capture *c)
{
	struct memo *m = memo_of_thread();

	if (!c->is_return || self.flags & THREAD_ENDED)
		return NULL;
	if (UNLIKELY(!is_own(m)) &&
	    ((self.heap_rate != 1 && !takes_many()) || !claim(m)))
		return NULL;
	if (m->is_busy)
		return NULL;
	m->is_busy = true;
	atomic_signal_fence(memory_order_seq_cst);
	if (UNLIKELY(m->token != state_collector_token())) {
		m->token = state_collector_token();
		m->walk.n = 0;
		m->sent.hash = 0;
	}
	return m;
}

static void give_memo(struct memo *m)
{
	atomic_signal_fence(memory_order_seq_cst);
	m->is_busy = false;
}

void unwind_forget(void)
{
	place_leave(&memo_of_thread()->x_owner);
}

void unwind_clear(void)
{
	for (uint32_t i = 0; i < PLACES; i++)
		place_clear(&memos[i].x_owner);
}

// As sent_has(). The stack that was found last needs no search; whether it is
// still valid is asked when its hash is pushed.
static bool is_sent(struct memo *m, uint64_t hash, struct sent_stack *ret)
{
	if (m && m->sent.hash == hash && sent_is_valid(&m->sent)) {
		*ret = m->sent;
		return true;
	}
	if (!sent_has(hash, ret))
		return false;
	if (m)
		m->sent = *ret;
	return true;
}

static bool walk(struct memo *m, struct unwound *u)
{
	if (m)
		m->generation = u->start.generation;
	if (m)
		walk_again(&u->tables, &u->start, depth(), &m->walk,
			   &u->result);
	else
		walk_run(&u->tables, &u->start, depth(), NULL, &u->result);
	if (!u->result.n_frames)
		return false;
	u->is_sent = is_sent(m, u->result.hash, &u->sent);
	return true;
}

bool unwind_walk(const struct capture *c, uint32_t generation,
		 struct unwound *ret)
{
	uint64_t sp = c->regs[RECORD_REG_SP];
	struct memo *m;
	bool is_done;

	ret->tables = tables();
	if (!ret->tables.arena ||
	    atomic_load_explicit(&state.x_walk_off, memory_order_relaxed) ||
	    !c->stack_bytes || c->flags & RECORD_FOREIGN ||
	    !conf.values[SETTING_WALK])
		return false;
	ret->start = (struct walk_start){
		.pc = c->regs[RECORD_REG_PC],
		.is_return = c->is_return,
		.rsp = sp,
		.rbp = c->regs[RECORD_REG_FP],
		.stack = (const unsigned char *)sp,
		.stack_bytes = self.stack_high - sp,
		.generation = generation,
	};
	m = take_memo(c);
	is_done = walk(m, ret);
	if (m)
		give_memo(m);
	return is_done;
}

bool unwind_has_memo(void)
{
	return is_own(memo_of_thread());
}

bool unwind_prove(const uintptr_t *frame, struct unwind_proof *ret)
{
	struct memo *m = memo_of_thread();

	if (!is_own(m) || m->is_busy)
		return false;
	m->is_busy = true;
	atomic_signal_fence(memory_order_seq_cst);
	ret->generation = m->generation;
	ret->changes = m->walk.changes;
	ret->stack_limit = m->walk.stack_limit;
	ret->sent = m->sent;
	ret->n_words = 0;
	if (m->walk.n && m->walk.result.hash == m->sent.hash &&
	    m->walk.known[m->walk.n - 1].rsp == (uintptr_t)(frame + 2))
		ret->n_words = walk_proof(&m->walk, frame, UNWIND_WORDS_MAX,
					  ret->words);
	give_memo(m);
	return ret->n_words;
}

bool unwind_write(const struct unwound *u, uint64_t *at)
{
	struct walk_result again;

	walk_run(&u->tables, &u->start, u->result.n_frames, at, &again);
	return again.n_frames && again.hash == u->result.hash;
}
