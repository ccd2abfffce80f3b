// SPDX-License-Identifier: Apache-2.0
#include "collector/walkcheck.h"

#include "collector/log.h"
#include "proto/limits.h"

// Differences told in the log, for each process.
#define LOGGED_MAX 20u

static uint64_t addr_of(uint64_t pc)
{
	return pc & WALK_EXACT ? pc & ~WALK_EXACT : pc - 1;
}

// How many of the N pcs at the leaf end are the shim's own.
static uint32_t count_own(struct images *images, const uint64_t *pcs,
			  uint32_t n, uint32_t generation)
{
	uint32_t i = 0;

	for (; i < n; i++) {
		uint32_t id = images_find(images, addr_of(pcs[i]), generation);

		if (!id || !images_get(images, id)->is_shim)
			break;
	}
	return i;
}

static void log_difference(struct walkcheck *w, const uint64_t *pcs,
			   uint32_t n_pcs, const struct frame *frames,
			   uint32_t n_frames)
{
	if (w->n_logged++ >= LOGGED_MAX)
		return;
	log_error("a walk differs: %u frames, unwound %u", n_pcs, n_frames);
	for (uint32_t i = 0; i < n_pcs || i < n_frames; i++)
		log_error("  %#llx %#llx",
			  (unsigned long long)(i < n_pcs ? addr_of(pcs[i]) : 0),
			  (unsigned long long)(i < n_frames ? frames[i].addr
							    : 0));
}

static bool is_equal(const uint64_t *pcs, uint32_t n_pcs,
		     const struct frame *frames, uint32_t n_frames)
{
	if (n_pcs != n_frames)
		return false;
	for (uint32_t i = 0; i < n_pcs; i++)
		if (addr_of(pcs[i]) != frames[i].addr)
			return false;
	return true;
}

void walkcheck_compare(struct walkcheck *w, struct images *images,
		       const struct unwind_input *input,
		       const struct frame *frames, uint32_t n_frames)
{
	static __thread uint64_t pcs[STACK_DEPTH_MAX];
	const struct record_raw *raw = input->raw;
	const struct walk_start start = {
		.pc = raw->regs[RECORD_REG_PC],
		.rsp = raw->regs[RECORD_REG_SP],
		.rbp = raw->regs[RECORD_REG_FP],
		.stack = input->stack,
		.stack_bytes = raw->stack_bytes,
		.generation = input->generation,
	};
	struct walk_result r;
	uint32_t n_own;

	// What was cut, or ends in a pseudo frame, is no measure.
	if (!w->tables.index || !raw->stack_bytes ||
	    frames[n_frames - 1].image == FRAME_PSEUDO)
		return;
	walk_run(&w->tables, &start, STACK_DEPTH_MAX, pcs, &r);
	if (!r.n_frames) {
		w->n_impossible++;
		return;
	}
	n_own = count_own(images, pcs, r.n_frames, input->generation);
	if (is_equal(pcs + n_own, r.n_frames - n_own, frames, n_frames)) {
		w->n_equal++;
		return;
	}
	w->n_differing++;
	log_difference(w, pcs + n_own, r.n_frames - n_own, frames, n_frames);
}
