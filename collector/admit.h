// SPDX-License-Identifier: Apache-2.0
//
// Who is profiled, and in how much memory: CPROF_FOLLOW's choice of children,
// and the bounds on the sum of all sessions. The loop's thread only.
#ifndef CPROF_COLLECTOR_ADMIT_H
#define CPROF_COLLECTOR_ADMIT_H

#include "collector/table.h"

// NULL when PID, that said HELLO, is to be profiled; else why not, in a static
// line.
const char *admit_check(struct table *t, uint32_t pid,
			const Cprof__Hello *hello);

// The region a process gets.
const struct region_size *admit_size(struct table *t,
				     const Cprof__Hello *hello);

#endif
