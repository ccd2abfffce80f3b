// SPDX-License-Identifier: Apache-2.0
//
// Gives the free memory of libc's heap back to the system when the collector
// asks for it (heap?gc=1): malloc_trim, which takes the locks of all arenas,
// one after the other, for as long as it walks them. So never in a handler, and
// only where the host has just come out of an allocation of its own, which took
// such a lock too. Nothing is done to an allocator that is not libc's.
#ifndef CPROF_PRELOAD_TRIM_H
#define CPROF_PRELOAD_TRIM_H

#include "preload/state.h"

// Finds out whose heap it is, once libc's functions are known. Constructor
// only.
void trim_init(void);

// True when there is a request that nobody has taken. Any thread.
static inline bool trim_is_asked(void)
{
	const struct region_control *c = state_control();

	return c &&
	       atomic_load_explicit(&c->x_trim_asked, memory_order_relaxed) !=
		       atomic_load_explicit(&state.status->x_trim_taken,
					    memory_order_relaxed);
}

// Serves the request, unless another thread does. May change errno; in a hook
// of the heap only, after the real call.
void trim_serve(void);

#endif
