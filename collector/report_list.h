// SPDX-License-Identifier: Apache-2.0
//
// Source lines with what each costs. The files are read here: from where the
// profile says they were, or below --source-path. One thread.
#ifndef CPROF_COLLECTOR_REPORT_LIST_H
#define CPROF_COLLECTOR_REPORT_LIST_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes the functions whose name matches the report's pattern. 0, or -ENOENT
// when none does.
int report_list(struct report *r, struct report_out *out,
		struct report_error *error);

#endif
