// SPDX-License-Identifier: Apache-2.0
//
// The two questions every heap hook asks, inlined into each: has the countdown
// run out, and may this block have been sampled. A comparison and a
// subtraction; a hash, a load and a branch.
#ifndef CPROF_PRELOAD_HOOK_HEAP_H
#define CPROF_PRELOAD_HOOK_HEAP_H

#include "preload/live.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"

// Counts an allocation P of N bytes and returns P.
static inline void *hook_heap_count(void *p, size_t n)
{
	if (UNLIKELY(n >= self.heap_left))
		sample_alloc(p, n);
	else
		self.heap_left -= n;
	return p;
}

// P is in the filter: records its free when it was sampled. False for boot
// arena memory, which nobody frees.
bool hook_heap_free(void *p);

// True when P is to be given to the real free; its sample, if any, has ended.
static inline bool hook_heap_may_free(void *p)
{
	return LIKELY(!live_maybe(p)) || hook_heap_free(p);
}

#endif
