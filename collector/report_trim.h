// SPDX-License-Identifier: Apache-2.0
//
// A graph without what is too small to be worth a reader's time. One thread.
#ifndef CPROF_COLLECTOR_REPORT_TRIM_H
#define CPROF_COLLECTOR_REPORT_TRIM_H

#include "collector/report_graph.h"

// What was done.
struct report_trim {
	size_t n_nodes; // before those over the limit went
	size_t n_dropped_nodes, n_dropped_edges;
	int64_t tag_cutoff; // smaller labels aren't drawn
};

// Builds the graph of R, trims and sorts it, and chooses R's output unit.
void report_trim_open(struct report_graph *g, struct report *r,
		      struct report_trim *ret_trim);

// Chooses the unit R is printed in, for a graph that is whole.
void report_trim_unit(struct report_graph *g, struct report *r);

#endif
