// SPDX-License-Identifier: Apache-2.0
//
// A trace in Perfetto's format: a track for each thread with its waits as
// slices and its beginning and end, its CPU samples with their stacks, and
// counters of the process. Any thread; slow (symbols).
#ifndef CPROF_COLLECTOR_PERFETTO_H
#define CPROF_COLLECTOR_PERFETTO_H

#include "collector/buf.h"
#include "collector/snap.h"
#include "collector/trace.h"

// Appends TRACE (sorted), whose stacks and threads are those of SNAP. Errors
// stick in RET.
void perfetto_write(const struct trace *trace, const struct snap *snap,
		    struct buf *ret);

#endif
