// SPDX-License-Identifier: Apache-2.0
//
// Who is profiled, and in how much memory: CPROF_FOLLOW's choice of children,
// and the bounds on the sum of all sessions. The loop's thread only.
#ifndef CPROF_COLLECTOR_ADMIT_H
#define CPROF_COLLECTOR_ADMIT_H

#include "collector/table.h"

// The session of the process that has PID now, with a reference, or NULL. That
// of another one, which had the same pid and is still being written, is none.
struct proc *admit_find(struct table *t, uint32_t pid);

// NULL when PID, that said HELLO, is to be profiled; else why not, in a static
// line.
const char *admit_check(struct table *t, uint32_t pid,
			const Cprof__Hello *hello);

// The region a process gets.
const struct region_size *admit_size(struct table *t,
				     const Cprof__Hello *hello);

#endif
