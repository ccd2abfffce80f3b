// SPDX-License-Identifier: Apache-2.0
//
// Takes samples, frames and labels out of a profile, as pprof's options of the
// same names do. One thread.
#ifndef CPROF_COLLECTOR_REPORT_FILTER_H
#define CPROF_COLLECTOR_REPORT_FILTER_H

#include "collector/report_error.h"
#include "collector/report_profile.h"
#include "collector/report_settings.h"

// Called for each filter that matched nothing, by its name.
typedef void report_filter_idle_fn(const char *filter);

// The filters of S. 0, or -EINVAL when a pattern is none.
int report_filter_apply(struct report_profile *p,
			const struct report_settings *s,
			report_filter_idle_fn *idle,
			struct report_error *error);

// Cuts the frames the profile itself says should be dropped, and what is
// leafward of them.
void report_filter_drop_frames(struct report_profile *p);

#endif
