// SPDX-License-Identifier: Apache-2.0
//
// `cprofctl trace`: a timeline of a process for Perfetto. One thread.
#ifndef CPROF_COLLECTOR_CTL_TRACE_H
#define CPROF_COLLECTOR_CTL_TRACE_H

#include "collector/ctl_options.h"

// The exit status; what went wrong has been printed.
int ctl_trace(const struct ctl_options *options);

#endif
