// SPDX-License-Identifier: Apache-2.0
//
// Turns a raw capture (registers and stack bytes) into frames, by libunwind's
// remote interface over the copy and the CFI of the image files. The only
// includer of libunwind. It never reads the target's memory.
//
// An unwinding is a pure function of the registers and stack words it read and
// of the images; so the reads of an unwinding are remembered as a recipe, and a
// capture in which every one of them has the same value (stack addresses:
// relative to sp) gets the same frames without unwinding again.
//
// One struct unwinder per process; one thread at a time.
#ifndef CPROF_COLLECTOR_UNWIND_H
#define CPROF_COLLECTOR_UNWIND_H

#include "collector/image.h"
#include "proto/record.h"

struct unwinder;

// IMAGES is borrowed and must outlive it. NULL: no memory.
struct unwinder *unwind_new(struct images *images);
void unwind_free(struct unwinder *u);

// A capture as a record holds it; borrowed, its sizes checked by the caller.
struct unwind_input {
	const struct record_raw *raw;
	const uint8_t *stack; // raw->stack_bytes of them
	uint16_t flags;	      // enum record_flags
	uint32_t generation;
};

// Unwinds INPUT into at most MAX_FRAMES frames, leaf first. Frames of the shim
// itself at the leaf end are dropped. A stack that was cut, by the copy or by
// MAX_FRAMES, ends in FRAME_TRUNCATED (which counts as one of MAX_FRAMES).
// Returns the number of frames, at least 1: FRAME_UNKNOWN when nothing could be
// unwound.
uint32_t unwind_capture(struct unwinder *u, const struct unwind_input *input,
			uint32_t max_frames, struct frame *ret_frames);

struct unwind_stats {
	uint64_t n_captures;
	uint64_t n_recipes_hit;
	uint64_t n_stopped; // ended before the outermost frame
};
void unwind_stats(const struct unwinder *u, struct unwind_stats *ret_stats);

#endif
