// SPDX-License-Identifier: Apache-2.0
//
// The few boxes for the numbers (sizes of blocks) at a node of a drawing: where
// there are many, neighbours share one. One thread.
#ifndef CPROF_COLLECTOR_REPORT_COLLAPSE_H
#define CPROF_COLLECTOR_REPORT_COLLAPSE_H

#include "collector/report_nodelets.h"

struct report_box {
	char *name; // the caller frees
	int64_t flat, cum;
};

// The boxes for the N numbers ALL[], which are reordered: at most
// REPORT_NODELETS_MAX, heaviest first. How many.
size_t report_collapse(const struct report_graph *g,
		       const struct report_nodelet **all, size_t n,
		       bool is_by_flat, struct report_box *ret_boxes);

// How nodelets, and boxes, are ordered: by weight, then by name.
int report_collapse_compare(const int64_t a[2], const int64_t b[2],
			    bool is_by_flat);

#endif
