// SPDX-License-Identifier: Apache-2.0
//
// pprof's defaults.
#include "collector/report_settings.h"

#define NODE_FRACTION 0.005
#define EDGE_FRACTION 0.001

void report_settings_init(struct report_settings *s)
{
	*s = (struct report_settings){.n_nodes = -1,
				      .node_fraction = NODE_FRACTION,
				      .edge_fraction = EDGE_FRACTION};
}
