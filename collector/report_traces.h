// SPDX-License-Identifier: Apache-2.0
//
// Every stack by itself, with its labels. One thread.
#ifndef CPROF_COLLECTOR_REPORT_TRACES_H
#define CPROF_COLLECTOR_REPORT_TRACES_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes them. 0.
int report_traces(struct report *r, struct report_out *out,
		  struct report_error *error);

#endif
