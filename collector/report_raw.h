// SPDX-License-Identifier: Apache-2.0
//
// All that is in a profile, as text: for looking into files. One thread.
#ifndef CPROF_COLLECTOR_REPORT_RAW_H
#define CPROF_COLLECTOR_REPORT_RAW_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes it. 0.
int report_raw(struct report *r, struct report_out *out,
	       struct report_error *error);

#endif
