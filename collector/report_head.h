// SPDX-License-Identifier: Apache-2.0
//
// The lines that stand above a report: whose profile it is, of which kind,
// when, and how much of it is shown. One thread.
#ifndef CPROF_COLLECTOR_REPORT_HEAD_H
#define CPROF_COLLECTOR_REPORT_HEAD_H

#include "collector/report_trim.h"

#include "collector/buf.h"

// Appends the lines about the profile, each with its end.
void report_head_profile(struct buf *to, const struct report *r);

// Appends these and the ones about G, too, of which T is what was trimmed.
// Edges are only counted in a drawing.
void report_head_graph(struct buf *to, const struct report_graph *g,
		       const struct report_trim *t);

#endif
