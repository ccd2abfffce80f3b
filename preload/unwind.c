// SPDX-License-Identifier: Apache-2.0
//
// A stack is walked once for its hash, which is all that is needed of most; and
// once more into the ring itself when it is new, so that no buffer for a deep
// stack lies on the host's.
#include "preload/unwind.h"

#include "preload/conf.h"
#include "preload/state.h"

// Frames of the shim's own that may lie above the one that counts.
#define OWN_FRAMES 8u

static uint32_t depth(void)
{
	uint64_t n = conf.values[SETTING_STACK_DEPTH] + OWN_FRAMES;

	return n < STACK_DEPTH_MAX ? (uint32_t)n : STACK_DEPTH_MAX;
}

// What stands for HASH among those sent into REGION.
static uint64_t mark_of(uint64_t hash, uint32_t region)
{
	return hash ^ (uint64_t)region << 32;
}

static _Atomic uint64_t *slot_of(uint64_t hash)
{
	return &state.x_sent[hash & state.sent_mask];
}

bool unwind_walk(const struct capture *c, uint32_t generation,
		 struct unwound *ret)
{
	uint64_t sp = c->regs[RECORD_REG_RSP];
	uint32_t region =
		atomic_load_explicit(&state.x_region, memory_order_relaxed);

	if (!state.tables.arena ||
	    atomic_load_explicit(&state.x_walk_off, memory_order_relaxed) ||
	    !c->stack_bytes || c->flags & RECORD_FOREIGN ||
	    !conf.values[SETTING_WALK])
		return false;
	ret->start = (struct walk_start){
		.pc = c->regs[RECORD_REG_PC],
		.rsp = sp,
		.rbp = c->regs[RECORD_REG_RBP],
		.stack = (const unsigned char *)sp,
		.stack_bytes = self.stack_high - sp,
		.generation = generation,
	};
	walk_run(&state.tables, &ret->start, depth(), NULL, &ret->result);
	if (!ret->result.n_frames)
		return false;
	ret->mark = mark_of(ret->result.hash, region);
	// The next collector would not know what this one was sent.
	// acquire: pairs with unwind_set_sent: the push came before
	ret->is_sent = !atomic_load_explicit(&state.x_is_silent,
					     memory_order_relaxed) &&
		       atomic_load_explicit(slot_of(ret->result.hash),
					    memory_order_acquire) == ret->mark;
	return true;
}

bool unwind_write(const struct unwound *u, uint64_t *at)
{
	struct walk_result again;

	walk_run(&state.tables, &u->start, u->result.n_frames, at, &again);
	return again.n_frames && again.hash == u->result.hash;
}

void unwind_set_sent(const struct unwound *u)
{
	// release: pairs with unwind_walk's acquire
	atomic_store_explicit(slot_of(u->result.hash), u->mark,
			      memory_order_release);
}
