// SPDX-License-Identifier: Apache-2.0
//
// Holds the walk of proto/walk.h against the unwinder: a stack that came as a
// copy is walked by tables as well, as the process would have, and both must
// lead through the same addresses. For `cprofd --check-walks`, with processes
// under CPROF_WALK=off. One thread at a time.
#ifndef CPROF_COLLECTOR_WALKCHECK_H
#define CPROF_COLLECTOR_WALKCHECK_H

#include "collector/unwind.h"
#include "proto/walk.h"

struct walkcheck {
	struct walk_tables tables; // index NULL: nothing is checked
	uint64_t n_equal;
	uint64_t n_differing;
	uint64_t n_impossible; // the tables had no answer
	uint64_t n_logged;
};

// N_FRAMES frames are what the unwinder made of INPUT.
void walkcheck_compare(struct walkcheck *w, struct images *images,
		       const struct unwind_input *input,
		       const struct frame *frames, uint32_t n_frames);

#endif
