// SPDX-License-Identifier: Apache-2.0
//
// A table of functions, the most expensive first. One thread.
#ifndef CPROF_COLLECTOR_REPORT_TOP_H
#define CPROF_COLLECTOR_REPORT_TOP_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes it. 0.
int report_top(struct report *r, struct report_out *out,
	       struct report_error *error);

#endif
