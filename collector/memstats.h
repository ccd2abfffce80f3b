// SPDX-License-Identifier: Apache-2.0
//
// Go's runtime.MemStats of a process, as the comments behind a heap profile in
// its text form: every name there is, so that scripts which look for one find
// it. Sizes are of /proc and of the samples (estimates); what has no meaning
// without a garbage collector is 0.
#ifndef CPROF_COLLECTOR_MEMSTATS_H
#define CPROF_COLLECTOR_MEMSTATS_H

#include "collector/buf.h"
#include "collector/proc.h"

// What the heap's samples stand for, by the order of KIND_ALLOC's values; less
// than 2^63, as JSON has it. Needs the lock.
void memstats_heap(const struct proc *p, uint64_t ret_sums[KIND_VALUES_MAX]);

// Appends the lines, each beginning with "# ". Needs the lock.
void memstats_write(const struct proc *p, struct buf *ret);

#endif
