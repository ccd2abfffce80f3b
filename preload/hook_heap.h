// SPDX-License-Identifier: Apache-2.0
//
// The two questions every heap hook asks, inlined into each: has the countdown
// run out, and may this block have been sampled. A subtraction and a branch; a
// hash, a comparison and a branch. Both come before the real function, which
// can then be jumped to: a hook that is called back sets up a frame for it.
// test/bench/instructions_test.py holds them to that.
#ifndef CPROF_PRELOAD_HOOK_HEAP_H
#define CPROF_PRELOAD_HOOK_HEAP_H

#include "preload/capture.h"
#include "preload/exact.h"
#include "preload/live.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"

// Counts N bytes down that are about to be allocated. True when that ends the
// gap: then they are not counted, and hook_heap_sample is to be called with
// what was allocated.
static inline bool hook_heap_is_due(size_t n)
{
	return arch_count_down(&self.heap_left, n);
}

// Samples P of N bytes, for which the gap ended, and returns P. A macro: the
// frame is the hook's.
#define hook_heap_sample(p, n)                                       \
	({                                                           \
		void *hook_heap_p = (p);                             \
		if (!exact_alloc(hook_heap_p, n, CAPTURE_FRAME))     \
			sample_alloc(hook_heap_p, n, CAPTURE_FRAME); \
		hook_heap_p;                                         \
	})

// P is in the filter: records its free when it was sampled. False for boot
// arena memory, which nobody frees.
bool hook_heap_free(void *p);

// True when P is to be given to the real free; its sample, if any, has ended.
static inline bool hook_heap_may_free(void *p)
{
	return LIKELY(!live_maybe(p)) || exact_free(p) || hook_heap_free(p);
}

#endif
