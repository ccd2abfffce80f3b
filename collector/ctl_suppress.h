// SPDX-License-Identifier: Apache-2.0
//
// Suppressions as LeakSanitizer has them: lines `leak:PATTERN`, where PATTERN
// is a part of the name of a function, source file or library anywhere in the
// stack, with * for anything, ^ for the beginning and $ for the end; # begins
// a comment. One thread.
#ifndef CPROF_COLLECTOR_CTL_SUPPRESS_H
#define CPROF_COLLECTOR_CTL_SUPPRESS_H

#include "collector/report_profile.h"

struct ctl_suppress_rule {
	char *pattern;		    // as given
	char *glob;		    // for fnmatch
	int64_t n_bytes, n_objects; // that it has taken out
};

struct ctl_suppress {
	struct ctl_suppress_rule *rules;
	size_t n, capacity;
};

// Reads the file PATH; NULL: no rules. CTL_OK, or CTL_FAILED with the reason
// printed.
int ctl_suppress_read(struct ctl_suppress *s, const char *path);
void ctl_suppress_free(struct ctl_suppress *s);

// Whether a rule matches sample I of P; then it is counted as one of N_BYTES in
// N_OBJECTS.
bool ctl_suppress_match(struct ctl_suppress *s, const struct report_profile *p,
			size_t i, int64_t n_bytes, int64_t n_objects);

// Prints what the rules have taken out.
void ctl_suppress_print(const struct ctl_suppress *s);

#endif
