// SPDX-License-Identifier: Apache-2.0
//
// Adds profiles up as pprof does: what is the same (a mapping of the same file,
// a location at the same place in it, a stack with the same labels) becomes
// one. Even a single profile goes through it: that drops what no sample needs
// and samples without a value. One thread.
#ifndef CPROF_COLLECTOR_REPORT_MERGE_H
#define CPROF_COLLECTOR_REPORT_MERGE_H

#include "collector/report_error.h"
#include "collector/report_profile.h"

// The sum of N profiles (at least one) that share their texts. Their units may
// be changed to a common one. 0, or -EINVAL when they don't fit together;
// NAMES are those of the profiles, for the reason.
int report_merge(struct report_profile *profiles, const char *const *names,
		 size_t n, struct report_profile *ret_sum,
		 struct report_error *error);

// Negates all values of P.
void report_merge_negate(struct report_profile *p);

// Marks all samples of P as those of a diff's base.
void report_merge_mark_base(struct report_profile *p);

#endif
