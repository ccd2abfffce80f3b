// SPDX-License-Identifier: Apache-2.0
//
// The graph as a drawing: what graphviz's dot reads, and what it makes of it.
// One thread.
#ifndef CPROF_COLLECTOR_REPORT_DOT_H
#define CPROF_COLLECTOR_REPORT_DOT_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes the graph for dot. 0.
int report_dot(struct report *r, struct report_out *out,
	       struct report_error *error);

// Writes it as SVG, by running dot. 0, or a negative errno.
int report_svg(struct report *r, struct report_out *out,
	       struct report_error *error);

#endif
