// SPDX-License-Identifier: Apache-2.0
//
// The distinct stacks of one process. A stack gets an id the first time it is
// seen and keeps it for the life of the session, so that a later snapshot can
// be compared with an earlier one. Bounded: beyond the bound every new stack is
// the one named [too many stacks], counted. One thread at a time (the holder of
// the process's lock).
#ifndef CPROF_COLLECTOR_STACKS_H
#define CPROF_COLLECTOR_STACKS_H

#include "collector/hmap.h"
#include "collector/snap.h"
#include "proto/limits.h"

// Bounds for one process: about 100 MiB when all are reached.

// list[id].first + list[id].n <= n_frames; no two stacks are equal. Ids
// 0..FRAME_PSEUDO_N-1 are the stacks of one pseudo frame each.
struct stacks {
	struct snap_stack *list; // shared.h: snapshots go on reading it
	uint32_t *next; // the next stack of the same hash + 1, 0 = none
	size_t n;
	size_t next_capacity;
	struct frame *frames; // as list
	size_t n_frames;      // <= STACKS_FRAMES_MAX
	struct hmap by_hash;  // hash -> first stack + 1
	uint64_t n_overflow;  // stacks that found no room
};

// 0 or -ENOMEM.
int stacks_init(struct stacks *s);
void stacks_fini(struct stacks *s);

// The id of the stack of N (1..STACK_DEPTH_MAX) frames; FRAME_OVERFLOW when a
// bound is reached or memory has run out.
uint32_t stacks_intern(struct stacks *s, const struct frame *frames, size_t n);

size_t stacks_bytes(const struct stacks *s);

// 0, or -EUCLEAN when an invariant does not hold.
int stacks_check(const struct stacks *s);

#endif
