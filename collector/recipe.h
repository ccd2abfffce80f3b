// SPDX-License-Identifier: Apache-2.0
//
// Remembered unwindings. Which word an unwinding reads next depends only on the
// words it has read before, so all unwindings together form a tree: a node says
// what to read, its edges the values seen there, a leaf holds the frames. A
// capture that finds an edge at every node has, without unwinding, the frames
// that unwinding it would give. Values that point near the copied stack are
// compared relative to sp, all others exactly.
//
// Only successful reads of registers and of stack words, and reads that ran out
// of the copy, can be remembered; the caller clears everything when images
// change. Bounded: when full it forgets all. One thread at a time.
#ifndef CPROF_COLLECTOR_RECIPE_H
#define CPROF_COLLECTOR_RECIPE_H

#include "collector/image.h"
#include "proto/record.h"

#include <stdbool.h>
#include <stddef.h>

// Addresses this close to the copy count as "on this stack".
#define RECIPE_NEAR_BYTES (64u << 10)
// Reads of one unwinding that can be remembered.
#define RECIPE_READS_MAX 4096u

// What an unwinding may read: the capture.
struct recipe_capture {
	const uint64_t *regs; // RECORD_REGS of them
	const uint8_t *stack; // bytes from sp up
	uint64_t sp;
	uint32_t stack_bytes;
	uint32_t variant; // whatever else the frames depend on: flags, limits
};

enum recipe_where {
	RECIPE_REG,   // at: register number
	RECIPE_STACK, // at: offset from sp
	RECIPE_BEYOND // at: offset from sp, outside the copy: it was not read
};

struct recipe_read {
	uint8_t where; // enum recipe_where
	bool is_exact; // the value is a code address, whatever it is near to
	int32_t at;
	uint64_t value;
};

// The reads of one unwinding, in order.
struct recipe_log {
	uint32_t n_reads;
	struct recipe_read reads[RECIPE_READS_MAX];
};

// Does VALUE point to the copy or near to it?
static inline bool recipe_is_near(const struct recipe_capture *c,
				  uint64_t value)
{
	return value - (c->sp - RECIPE_NEAR_BYTES) <
	       (uint64_t)c->stack_bytes + 2 * RECIPE_NEAR_BYTES;
}

struct recipes;

// NULL: no memory.
struct recipes *recipe_new(void);
void recipe_free(struct recipes *r);
// Forgets everything.
void recipe_clear(struct recipes *r);

// The number of frames of a capture whose reads are known, borrowed in
// *ret_frames until the next call that changes R; 0 when it must be unwound.
uint32_t recipe_find(const struct recipes *r, const struct recipe_capture *c,
		     const struct frame **ret_frames);

// Remembers that the reads LOG of capture C led to N_FRAMES frames. Errors (no
// memory) lose nothing but time.
void recipe_add(struct recipes *r, const struct recipe_capture *c,
		const struct recipe_log *log, const struct frame *frames,
		uint32_t n_frames);

#endif
