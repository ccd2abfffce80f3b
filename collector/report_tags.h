// SPDX-License-Identifier: Apache-2.0
//
// What labels (tags, in pprof's words) do to a profile: filters by their
// values, the frames made of them, and the units of the numeric ones. One
// thread.
#ifndef CPROF_COLLECTOR_REPORT_TAGS_H
#define CPROF_COLLECTOR_REPORT_TAGS_H

#include "collector/report_error.h"
#include "collector/report_profile.h"
#include "collector/report_settings.h"

typedef void report_tags_idle_fn(const char *filter);

// tagfocus, tagignore, tagshow and taghide of S.
int report_tags_filter(struct report_profile *p,
		       const struct report_settings *s,
		       report_tags_idle_fn *idle, struct report_error *error);

// Adds the frames that tagroot and tagleaf ask for.
void report_tags_add_frames(struct report_profile *p,
			    const struct report_settings *s,
			    report_tags_idle_fn *idle);

// For each text that is the key of a numeric label, the text of its unit; the
// caller frees. Others have 0.
uint32_t *report_tags_units(const struct report_profile *p);

// The label after I of sample S that has another key or kind than I; values of
// one key stand together.
uint32_t report_tags_next(const struct report_profile *p,
			  const struct report_sample *s, uint32_t i);

// Whether any of the labels from I up to END of S has a unit.
bool report_tags_has_unit(const struct report_profile *p,
			  const struct report_sample *s, uint32_t i,
			  uint32_t end);

#endif
