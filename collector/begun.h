// SPDX-License-Identifier: Apache-2.0
//
// Intervals of a process that were begun by one request and are to be ended by
// another: of each kind one at a time. One that nobody ends in time is given
// up, and with it what it holds, the cpu rate above all. All need the lock of
// the process.
#ifndef CPROF_COLLECTOR_BEGUN_H
#define CPROF_COLLECTOR_BEGUN_H

#include "collector/proc.h"

// An interval of KIND, whose first snapshot is FIRST (taken over), lasts until
// UNTIL_NS (CLOCK_MONOTONIC) at most. 0, or -EBUSY: there is one.
int begun_put(struct proc *p, unsigned kind, struct snap *first,
	      uint64_t until_ns);

// Ends it: its first snapshot, now the caller's, or NULL: there is none. Of cpu
// time the profiling goes on (begun_end_cpu).
struct snap *begun_take(struct proc *p, unsigned kind);

// The cpu time of P is not profiled any more, by an interval of any sort: its
// rate is again OLD_HZ, but for what was set meanwhile.
void begun_end_cpu(struct proc *p, uint64_t old_hz);

// Gives up those whose time is over.
void begun_expire(struct proc *p);

#endif
