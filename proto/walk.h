// SPDX-License-Identifier: Apache-2.0
//
// Unwind tables, and the walk along a stack with them. The collector compiles
// the call frame information of ELF files into tables (collector/rows.h) and
// puts them one behind the other into the arena, a sealed memfd that every
// profiled process maps read-only. Which table holds for which addresses of one
// process stands in the index, which lies in the process's region.
//
// A walk needs rsp, rbp and pc only. A frame it has no rule for ends it without
// a result, and the caller falls back on a raw capture: never a guess. Every
// number it reads may be torn (the collector may be writing) or hostile: each
// is checked before it is used as an address, and a walk during which the index
// changed counts as none.
//
// The walk itself: any thread, async-signal-safe, no allocation, no system
// call.
#ifndef CPROF_PROTO_WALK_H
#define CPROF_PROTO_WALK_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// A table, at an offset of the arena that is a multiple of 8: for each block of
// WALK_BLOCK_BYTES of code the last row that begins at or before it; then the
// rows' first addresses; then their rules. Addresses are relative to the
// table's base. Sorted, no gaps: the first row begins at 0, and where there is
// no CFI a row says so.
//
//	u32 blocks[n_blocks + 1]    the last is n_rows - 1
//	u32 pcs[n_rows]
//	u32 rules[n_rows]
#define WALK_LG_BLOCK	 6u
#define WALK_BLOCK_BYTES (1u << WALK_LG_BLOCK)

// A table that finds no room in it is not published. A process maps the front
// of the arena, as far as the tables in its index reach.
#define WALK_ARENA_BYTES (64u << 20)

// How the caller's frame is found: where its stack pointer (the CFA) was, and
// where rbp was saved. The return address lies right below the CFA.
//
//	bits 0-2   enum walk_kind
//	bits 3-10  rbp: WALK_RBP_SAME, _LOST, _AT_RBP, else saved at CFA - 8 * n
//	bits 11-31 signed offset: in units of 8 bytes; WALK_PLT: of 1
enum walk_kind {
	WALK_NONE = 0,	 // no rule: capture instead
	WALK_RSP = 1,	 // CFA = rsp + offset
	WALK_RBP = 2,	 // CFA = rbp + offset
	WALK_DEREF = 3,	 // CFA = the word at rbp + offset (a realigned stack)
	WALK_PLT = 4,	 // CFA = rsp + 8, + 8 more when (pc & 15) >= offset
	WALK_SIGNAL = 5, // the kernel's signal frame: a ucontext lies at rsp
	WALK_END = 6,	 // the outermost frame
};
#define WALK_RBP_SAME	0u
#define WALK_RBP_AT_RBP 254u
#define WALK_RBP_LOST	255u
#define WALK_OFFSET_MAX ((1 << 20) - 1)

static inline uint32_t walk_rule(enum walk_kind kind, uint32_t rbp,
				 int32_t offset)
{
	return (uint32_t)kind | rbp << 3 | (uint32_t)offset << 11;
}

// One executable mapping and its table. Relaxed: the index's count of changes
// says whether they belong together.
struct walk_image {
	_Atomic uint64_t x_start; // in the process; limit is exclusive
	_Atomic uint64_t x_limit;
	_Atomic uint64_t x_base;  // where the table's address 0 is
	_Atomic uint64_t x_table; // its offset in the arena
	_Atomic uint32_t x_n_blocks;
	_Atomic uint32_t x_n_rows;
};
static_assert(sizeof(struct walk_image) == 40, "walk image is 40 bytes");

// Images a process's index has room for; the rest is captured.
#define WALK_IMAGES_MAX 400u

// Written by the collector, read by the walk: a sequence lock.
struct walk_index {
	// Odd while it is being written. The writer's release pairs with the
	// walk's acquire.
	_Atomic uint32_t x_changes;
	// The generation (region_status.x_generation) all of it holds for.
	_Atomic uint32_t x_generation;
	_Atomic uint32_t x_n_images;
	// Where the last of its tables ends in the arena.
	_Atomic uint32_t x_tables_bytes;
	struct walk_image images[WALK_IMAGES_MAX]; // by start, disjoint
};

// Where the walk may look.
struct walk_tables {
	const struct walk_index *index;
	const unsigned char *arena;
	uint64_t arena_bytes;
};

struct walk_start {
	uint64_t pc;
	bool is_return; // pc is a return address, not exact
	uint64_t rsp;
	uint64_t rbp;
	// The stack's words from rsp up, and how many bytes of them there are.
	const unsigned char *stack;
	uint64_t stack_bytes;
	uint32_t generation; // odd: there is no walking
};

// In a pc of a result: it is exact (the frame was interrupted by a signal), not
// a return address.
#define WALK_EXACT (1ull << 63)

struct walk_result {
	uint64_t hash;	   // of the frames and the generation
	uint32_t n_frames; // <= MAX_FRAMES, leaf first; 0: no walk
	bool is_cut;	   // there are more than MAX_FRAMES
};

// Walks from START; the frames' pcs go to RET_PCS (NULL: nowhere).
void walk_run(const struct walk_tables *t, const struct walk_start *start,
	      uint32_t max_frames, uint64_t *ret_pcs, struct walk_result *ret);

// What one thread's last walk found. A step outwards is a function of a frame's
// pc, rsp and rbp and of the words that it reads: so where a later walk comes
// to a frame with the same three, and those words of all frames outside of it
// are what they were, it has the same frames from there on, without a look at
// any table. Nothing else counts: a frame that went and came back the same is
// the same.
struct walk_known {
	uint64_t rsp;
	uint64_t pc;	  // WALK_EXACT, WALK_LOST; 0: the end of the stack
	uint64_t rbp;	  // with WALK_LOST nothing
	uint64_t rbp_at;  // where the caller's rbp was read, 0 = nowhere
	uint64_t hash;	  // of this frame and all outside of it
	bool is_rbp_kept; // the caller's rbp is this one
	// Some step from here on depends on rbp: most code uses it as any other
	// register, and then it may differ.
	bool is_rbp_used;
};

// In a walk_known's pc: rbp is not known.
#define WALK_LOST (1ull << 62)

#define WALK_KNOWN_MAX 64u

// known[0] is the outermost. Holds for one index in one state, and for a stack
// with one end. All-zero: nothing is known.
struct walk_memo {
	uint32_t changes; // of the index
	uint32_t n;
	uint64_t stack_limit;
	struct walk_result result; // from the innermost known on
	// Remembering takes as long as half a walk: after so many in a row that
	// found little of their stacks known, some go without.
	uint32_t n_useless;
	uint32_t n_resting;
	struct walk_known known[WALK_KNOWN_MAX];
	struct walk_known fresh[WALK_KNOWN_MAX]; // the leaf first
};

// The same with what MEMO knows, which is what this walk found afterwards. For
// its owner only: no signal handler may come in between with the same MEMO.
void walk_again(const struct walk_tables *t, const struct walk_start *start,
		uint32_t max_frames, struct walk_memo *memo,
		struct walk_result *ret);

// A word of the stack, in the process itself.
struct walk_word {
	const uint64_t *at;
	uint64_t value;
};

// The words that make a walk from the innermost frame of MEMO, which stands
// behind a call, find MEMO's result again, while they are what they are and the
// index and the stack's end are what they were: its return address; its rbp if
// that counts, at RBP_AT; and those of the frames outside. Returns how many
// there are; 0: more than MAX, or MEMO has no result.
uint32_t walk_proof(const struct walk_memo *memo, const uintptr_t *rbp_at,
		    uint32_t max, struct walk_word *ret);

#endif
