// SPDX-License-Identifier: Apache-2.0
//
// `leaks`: memory that is still in use, by the stack that allocated it, without
// what a file of suppressions (LeakSanitizer's) expects. One thread.
#ifndef CPROF_COLLECTOR_CTL_LEAKS_H
#define CPROF_COLLECTOR_CTL_LEAKS_H

#include "collector/ctl_options.h"

// The exit status: CTL_FOUND when something is left to report.
int ctl_leaks(const struct ctl_options *options);

#endif
