// SPDX-License-Identifier: Apache-2.0
//
// The nodes of a graph: from each frame of a profile to what it is called in a
// report. Two frames that the aggregated profile doesn't tell apart are one
// node. One thread.
#ifndef CPROF_COLLECTOR_REPORT_NODE_H
#define CPROF_COLLECTOR_REPORT_NODE_H

#include "collector/report.h"

// What makes a node one of its own; texts.
struct report_node_key {
	uint64_t address;
	int64_t start_line, line;
	uint32_t name, file, object;
};

struct report_node {
	struct report_node_key key;
	char *printable; // how it is called in a report
	int64_t flat, cum;
	uint32_t first_in, first_out; // edges; REPORT_NONE: none
	uint32_t stamp;		      // last sample that was added, + 1
	bool is_shown;
};

// The nodes of a location are of_line[first_line + i], or of_location[] where
// it has no lines.
struct report_nodes {
	const struct report *report;
	struct report_node *list;
	size_t n, capacity;
	uint32_t *of_line, *of_location;
};

// Makes those of R's frames. The names of the mappings' files tell them apart,
// too, where R needs objects and HAS_OBJECTS.
void report_node_make(struct report_nodes *x, const struct report *r,
		      bool has_objects);
void report_node_free(struct report_nodes *x);

#endif
