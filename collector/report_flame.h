// SPDX-License-Identifier: Apache-2.0
//
// A flame graph as a page of its own: it needs nothing but a browser, not even
// a network. One thread.
#ifndef CPROF_COLLECTOR_REPORT_FLAME_H
#define CPROF_COLLECTOR_REPORT_FLAME_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes it. 0.
int report_flame(struct report *r, struct report_out *out,
		 struct report_error *error);

#endif
