// SPDX-License-Identifier: Apache-2.0
//
// Who calls whom and what it costs: a node for each function (or line, address,
// file: what the frames of the aggregated profile still differ in), with the
// value it has itself (flat) and with its callees (cum), and an edge for each
// pair of caller and callee. Trimmed of what is small, as pprof does. One
// thread.
#ifndef CPROF_COLLECTOR_REPORT_GRAPH_H
#define CPROF_COLLECTOR_REPORT_GRAPH_H

#include "collector/report_node.h"

struct report_edge {
	uint32_t caller, callee;    // nodes
	uint32_t next_in, next_out; // REPORT_NONE: the last
	uint32_t stamp;
	int64_t weight;
	bool is_residual; // there were nodes between that aren't shown
	bool is_inline;	  // every call of it was inlined
	bool is_removed;
};

struct report_graph {
	const struct report *report;
	struct report_nodes nodes;
	struct report_edge *edges;
	size_t n_edges, edges_capacity;
	uint32_t *shown; // the nodes that are shown, in the report's order
	size_t n_shown;
};

// Builds it whole from R; its nodes come in no order.
void report_graph_open(struct report_graph *g, struct report *r);
void report_graph_close(struct report_graph *g);

// The text of a node's key.
const char *report_graph_text(const struct report_graph *g, uint32_t text);

// The edges into or out of NODE, heaviest first; the caller frees. *ret_n may
// be 0.
uint32_t *report_graph_edges(const struct report_graph *g, uint32_t node,
			     bool is_in, size_t *ret_n);

// Orders nodes that are equal in all that is printed: <0, 0, >0.
int report_graph_compare_keys(const struct report_graph *g, uint32_t a,
			      uint32_t b);

// How edge A is ordered to B: by weight, then by names.
int report_graph_compare_edges(const struct report_graph *g, uint32_t a,
			       uint32_t b);

// Orders the nodes that are shown as the report wants them.
void report_graph_sort(struct report_graph *g);

// Shows only the first N nodes that are shown now, and of these those with a
// cum of at least CUTOFF; builds the graph anew where any goes. How many went.
size_t report_graph_keep(struct report_graph *g, size_t n, int64_t cutoff);

// Removes the edges below CUTOFF into nodes that are shown. How many.
size_t report_graph_trim_edges(struct report_graph *g, int64_t cutoff);

#endif
