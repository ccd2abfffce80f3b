// SPDX-License-Identifier: Apache-2.0
//
// Lines of source files, looked for where a profile says they are. Names come
// from the profile: only plain files are opened, and only so much of them is
// read. One thread.
#ifndef CPROF_COLLECTOR_REPORT_SOURCE_H
#define CPROF_COLLECTOR_REPORT_SOURCE_H

#include <stddef.h>

struct report_source {
	char *text;
	char **lines; // lines[0] is the first
	size_t n_lines, lines_capacity;
};

// Reads PATH: itself where it is absolute, else below a folder of SEARCH (NULL:
// the current one) or of its parents; of TRIM, see report_path_trim. 0, or a
// negative errno with *ret_reason (the caller frees).
int report_source_open(struct report_source *s, const char *path,
		       const char *trim, const char *search, char **ret_reason);
void report_source_close(struct report_source *s);

#endif
