// SPDX-License-Identifier: Apache-2.0
//
// What kcachegrind and qcachegrind read. One thread.
#ifndef CPROF_COLLECTOR_REPORT_CALLGRIND_H
#define CPROF_COLLECTOR_REPORT_CALLGRIND_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes it. 0.
int report_callgrind(struct report *r, struct report_out *out,
		     struct report_error *error);

#endif
