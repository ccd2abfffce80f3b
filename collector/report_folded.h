// SPDX-License-Identifier: Apache-2.0
//
// One line a stack, "root;...;leaf value": what flamegraph.pl and its relatives
// read; of a difference with two values, before and after. One thread.
#ifndef CPROF_COLLECTOR_REPORT_FOLDED_H
#define CPROF_COLLECTOR_REPORT_FOLDED_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes it. 0.
int report_folded(struct report *r, struct report_out *out,
		  struct report_error *error);

#endif
