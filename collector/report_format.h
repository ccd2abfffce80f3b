// SPDX-License-Identifier: Apache-2.0
//
// The reports there are, as a table. One thread.
#ifndef CPROF_COLLECTOR_REPORT_FORMAT_H
#define CPROF_COLLECTOR_REPORT_FORMAT_H

#include "collector/report.h"
#include "collector/report_out.h"

typedef int report_write_fn(struct report *r, struct report_out *out,
			    struct report_error *error);

struct report_format {
	const char *name;
	report_write_fn *write;
	bool has_pattern;
	bool is_for_files; // nobody reads it on a terminal
	const char *extension;
	const char *help;
	struct report_need need;
};

enum {
#define REPORT(id, ...) REPORT_FORMAT_##id,
#include "collector/report_format.def"
#undef REPORT
	REPORT_FORMAT_N
};

extern const struct report_format report_formats[REPORT_FORMAT_N];

// A profile again: what `merge` writes.
extern const struct report_format report_format_proto;

// The one called NAME; NULL: there is none.
const struct report_format *report_format_find(const char *name);

// The one that files called FILE are; NULL: there is none.
const struct report_format *report_format_of_file(const char *file);

#endif
