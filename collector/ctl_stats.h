// SPDX-License-Identifier: Apache-2.0
//
// `cprofctl stats`: a process's memory figures and the profiler's counters, as
// text or as the collector's JSON. One thread.
#ifndef CPROF_COLLECTOR_CTL_STATS_H
#define CPROF_COLLECTOR_CTL_STATS_H

#include "collector/ctl_options.h"

// The exit status; what went wrong has been printed.
int ctl_stats(const struct ctl_options *options);

#endif
