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

bool unwind_walk(const struct capture *c, uint32_t generation,
		 struct unwound *ret)
{
	uint64_t sp = c->regs[RECORD_REG_SP];

	ret->tables = tables();
	if (!ret->tables.arena ||
	    atomic_load_explicit(&state.x_walk_off, memory_order_relaxed) ||
	    !c->stack_bytes || c->flags & RECORD_FOREIGN ||
	    !conf.values[SETTING_WALK])
		return false;
	ret->start = (struct walk_start){
		.pc = c->regs[RECORD_REG_PC],
		.rsp = sp,
		.rbp = c->regs[RECORD_REG_FP],
		.stack = (const unsigned char *)sp,
		.stack_bytes = self.stack_high - sp,
		.generation = generation,
	};
	walk_run(&ret->tables, &ret->start, depth(), NULL, &ret->result);
	if (!ret->result.n_frames)
		return false;
	ret->is_sent = sent_has(ret->result.hash, &ret->sent);
	return true;
}

bool unwind_write(const struct unwound *u, uint64_t *at)
{
	struct walk_result again;

	walk_run(&u->tables, &u->start, u->result.n_frames, at, &again);
	return again.n_frames && again.hash == u->result.hash;
}
