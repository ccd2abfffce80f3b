// SPDX-License-Identifier: Apache-2.0
//
// A roll call as text, in the two forms that Go gives its goroutines: stacks
// with the number of threads at each, and one block a thread. Any thread; slow
// (symbols).
#ifndef CPROF_COLLECTOR_THREADTEXT_H
#define CPROF_COLLECTOR_THREADTEXT_H

#include "collector/buf.h"
#include "collector/roll.h"

// "N @ 0x1 0x2 ...", the most frequent stack first. Errors stick in RET.
void threadtext_counts(const struct roll *r, struct buf *ret);

// "goroutine TID [what it does, how long, ...]:" and its frames.
void threadtext_blocks(const struct roll *r, struct buf *ret);

#endif
