// SPDX-License-Identifier: Apache-2.0
//
// Function names short enough for a box of a drawing. One thread.
#ifndef CPROF_COLLECTOR_REPORT_SHORT_H
#define CPROF_COLLECTOR_REPORT_SHORT_H

#include "collector/report_regex.h"

#define REPORT_SHORT_N 5

struct report_short {
	struct report_regex *rules[REPORT_SHORT_N];
};

void report_short_open(struct report_short *s);
void report_short_close(struct report_short *s);

// NAME without package paths, Java packages and most C++ namespaces; the caller
// frees.
char *report_short_name(const struct report_short *s, const char *name);

#endif
