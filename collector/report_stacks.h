// SPDX-License-Identifier: Apache-2.0
//
// The samples as a tree of frames from the root: what folded stacks and flame
// graphs are made from. A difference has two values each: before and after.
// One thread.
#ifndef CPROF_COLLECTOR_REPORT_STACKS_H
#define CPROF_COLLECTOR_REPORT_STACKS_H

#include "collector/report_node.h"

struct report_frame {
	uint32_t node;			    // of nodes; REPORT_NONE: the root
	uint32_t parent, first_child, next; // frames; REPORT_NONE: none
	bool is_inlined;
	int64_t self, self_before;   // ending here; before: a diff's base
	int64_t total, total_before; // with what is above
};

struct report_stacks {
	struct report_nodes nodes;
	struct report_frame *frames; // [0] is the root; parents come first
	size_t n_frames, frames_capacity;
};

// Builds them from R; children are ordered by name.
void report_stacks_open(struct report_stacks *s, struct report *r);
void report_stacks_close(struct report_stacks *s);

#endif
