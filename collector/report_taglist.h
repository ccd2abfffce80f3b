// SPDX-License-Identifier: Apache-2.0
//
// What each label's values weigh. One thread.
#ifndef CPROF_COLLECTOR_REPORT_TAGLIST_H
#define CPROF_COLLECTOR_REPORT_TAGLIST_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes it. 0.
int report_taglist(struct report *r, struct report_out *out,
		   struct report_error *error);

#endif
