// SPDX-License-Identifier: Apache-2.0
//
// What the labels of the samples weigh at each node of a graph: the small boxes
// of a drawing. Texts of a sample stand together as one label; of the numbers
// only `bytes` counts, as in pprof. One thread.
#ifndef CPROF_COLLECTOR_REPORT_NODELETS_H
#define CPROF_COLLECTOR_REPORT_NODELETS_H

#include "collector/report_graph.h"
#include "collector/report_index.h"

// Labels, and of each the numbers, that are drawn at a node.
#define REPORT_NODELETS_MAX 4

struct report_nodelet {
	uint32_t node;
	uint32_t label;	 // text: "key:value\nkey:value", escaped; 0: none
	uint32_t number; // text: "64kB"; 0: it is the label itself
	int64_t value;	 // of a number, in `unit`
	uint32_t unit;	 // text
	int64_t flat, cum;
	uint32_t next; // of the node; REPORT_NONE: the last
};

struct report_nodelets {
	const struct report_graph *g;
	struct report_index index;
	struct report_nodelet *all;
	size_t n, capacity;
	uint32_t *first; // of each node; REPORT_NONE: none
};

// Those of the nodes of G that are shown, of at least CUTOFF.
void report_nodelets_open(struct report_nodelets *x,
			  const struct report_graph *g, int64_t cutoff);
void report_nodelets_close(struct report_nodelets *x);

// For each node of G, how many have a flat value; the caller frees.
size_t *report_nodelets_count(const struct report_graph *g, int64_t cutoff);

#endif
