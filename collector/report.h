// SPDX-License-Identifier: Apache-2.0
//
// A profile that has been made ready for one report: merged, filtered and
// aggregated as its settings say, with the value that is shown chosen and
// totalled. What the writers of the formats work on. One thread.
#ifndef CPROF_COLLECTOR_REPORT_H
#define CPROF_COLLECTOR_REPORT_H

#include "collector/report_error.h"
#include "collector/report_profile.h"
#include "collector/report_regex.h"
#include "collector/report_settings.h"
#include "collector/report_units.h"

// What a format needs of a profile.
struct report_need {
	bool is_untrimmed;   // small nodes and edges too
	bool is_per_line;    // granularity is lines
	bool is_per_address; // granularity is addresses, with inlined frames
	bool has_objects;    // functions of different files differ
	bool is_integral;    // values are printed as whole numbers
	bool is_graph;	     // sorted and trimmed to be drawn
	int n_nodes;	     // default number of nodes, 0: all
};

struct report {
	struct report_profile *profile; // borrowed, changed
	struct report_settings settings;
	struct report_need need;
	struct report_regex *regex;
	uint32_t *label_units; // of report_tags_units()
	size_t value;	       // index of the sample type
	const char *type;      // its name and unit
	const char *unit;
	const char *out_unit; // what values are printed in
	int64_t total;
	bool is_diff; // some samples are a base's
};

// Called with a remark on what the user asked for.
typedef void report_note_fn(const char *filter);

// 0, or a negative errno with the reason. REPORT is to be closed only after
// success.
int report_open(struct report *report, struct report_profile *profile,
		const struct report_settings *settings,
		const struct report_need *need, struct report_error *error);
void report_close(struct report *report);

// The value of sample I that is shown.
int64_t report_value(const struct report *r, size_t i);

// VALUE as it is printed.
struct report_units_text report_label(const struct report *r, int64_t value);

#endif
