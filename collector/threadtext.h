// SPDX-License-Identifier: Apache-2.0
//
// A roll call as text, in the form that Go's debug=2 gives its goroutines: one
// block a thread (the other form is text.h's). Any thread; slow
// (symbols).
#ifndef CPROF_COLLECTOR_THREADTEXT_H
#define CPROF_COLLECTOR_THREADTEXT_H

#include "collector/buf.h"
#include "collector/roll.h"

// "goroutine TID [what it does, how long, ...]:" and its frames. Errors
// stick in RET.
void threadtext_blocks(const struct roll *r, struct buf *ret);

#endif
