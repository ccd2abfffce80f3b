// SPDX-License-Identifier: Apache-2.0
//
// A trace in the JSON of Chrome's Trace Event Format, which chrome://tracing,
// speedscope and Perfetto read: waits as complete events, what happens at a
// moment as instant events, memory as counters. It has no stacks of its own:
// they are text in the arguments. Any thread; slow (symbols).
#ifndef CPROF_COLLECTOR_CHROME_H
#define CPROF_COLLECTOR_CHROME_H

#include "collector/buf.h"
#include "collector/snap.h"
#include "collector/trace.h"

// Appends TRACE (sorted), whose stacks and threads are those of SNAP. Times are
// microseconds since its begin. Errors stick in RET.
void chrome_write(const struct trace *trace, const struct snap *snap,
		  struct buf *ret);

#endif
