// SPDX-License-Identifier: Apache-2.0
//
// `check BASE NEW --max inuse_space=+5%`: a gate for CI. One thread.
#ifndef CPROF_COLLECTOR_CTL_CHECK_H
#define CPROF_COLLECTOR_CTL_CHECK_H

#include "collector/ctl_options.h"

// The exit status: CTL_FOUND when a limit is exceeded.
int ctl_check(const struct ctl_options *options);

#endif
