// SPDX-License-Identifier: Apache-2.0
//
// Functions with their callers above and their callees below. One thread.
#ifndef CPROF_COLLECTOR_REPORT_TREE_H
#define CPROF_COLLECTOR_REPORT_TREE_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes all; 0.
int report_tree(struct report *r, struct report_out *out,
		struct report_error *error);

// Writes those whose name matches the report's pattern. 0, or -ENOENT when none
// does.
int report_peek(struct report *r, struct report_out *out,
		struct report_error *error);

#endif
