// SPDX-License-Identifier: Apache-2.0
//
// Mapping what a collector hands over: the region (proto/region.h) and the
// unwind tables (proto/walk.h). Only who attaches (state.x_attaching) may call
// this; async-signal-safe.
#ifndef CPROF_PRELOAD_MAPPING_H
#define CPROF_PRELOAD_MAPPING_H

#include "preload/state.h"
#include "proto/region.h"

// Maps the region FD; over the one there is, so that threads in the middle of a
// push never see it go: the same layout, or no deal. The old live table stays,
// and what nobody has read is kept (former.h). Returns the control page, NULL
// when it can't be mapped or is not sane; FD stays the caller's.
struct region_control *mapping_make(int fd);

// Maps the unwind tables FD (-1: there are none); over the old ones when there
// are any. Without them stacks are captured. FD stays the caller's.
void mapping_tables(int fd);

// True when tables in the index lie beyond what is mapped, and can be had. Any
// thread of an attached process.
static inline bool mapping_is_short(void)
{
	uint64_t n = atomic_load_explicit(&state.x_tables_bytes,
					  memory_order_relaxed);

	return n < atomic_load_explicit(&state.x_tables_limit_bytes,
					memory_order_relaxed) &&
	       atomic_load_explicit(&state.walk_index->x_tables_bytes,
				    memory_order_relaxed) > n;
}

// Then maps what is missing, or will do without.
void mapping_grow_tables(void);

// Fills the fields of the process's state that say where things are in C.
void mapping_use(const struct region_control *c);

// The control page, counters and live table of the socket transport: nobody
// else reads them, so they are private, and the settings stay as they are.
const struct region_control *mapping_private(void);

#endif
