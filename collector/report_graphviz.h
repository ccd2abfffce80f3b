// SPDX-License-Identifier: Apache-2.0
//
// Runs graphviz's dot. One thread.
#ifndef CPROF_COLLECTOR_REPORT_GRAPHVIZ_H
#define CPROF_COLLECTOR_REPORT_GRAPHVIZ_H

#include "collector/buf.h"
#include "collector/report_error.h"

// Appends what `dot -Tsvg` makes of GRAPH to TO. 0, or a negative errno.
int report_graphviz(const struct buf *graph, struct buf *to,
		    struct report_error *error);

#endif
