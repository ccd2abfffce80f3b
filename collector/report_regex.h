// SPDX-License-Identifier: Apache-2.0
//
// Regular expressions of the command line and of profiles, in Go's syntax as
// far as anybody uses it: Perl's without what looks back. The only includer of
// pcre2. One thread.
#ifndef CPROF_COLLECTOR_REPORT_REGEX_H
#define CPROF_COLLECTOR_REPORT_REGEX_H

#include "collector/report_error.h"

#include <stdbool.h>

struct report_regex;

// Compiles TEXT; WHAT says whose it is in the reason. NULL: it is none.
struct report_regex *report_regex_new(const char *text, const char *what,
				      struct report_error *error);
void report_regex_free(struct report_regex *r);

// Whether it is found anywhere in TEXT.
bool report_regex_matches(const struct report_regex *r, const char *text);

// What the groups of the first match hold, put together; NULL: no match. The
// caller frees.
char *report_regex_groups(const struct report_regex *r, const char *text);

#endif
