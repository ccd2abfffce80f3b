// SPDX-License-Identifier: Apache-2.0
//
// `cprofctl ps`: the profiled processes as a table or as the collector's JSON.
// One thread.
#ifndef CPROF_COLLECTOR_CTL_PS_H
#define CPROF_COLLECTOR_CTL_PS_H

#include "collector/ctl_options.h"

// The exit status; what went wrong has been printed.
int ctl_ps(const struct ctl_options *options);

#endif
