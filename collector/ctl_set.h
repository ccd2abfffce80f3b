// SPDX-License-Identifier: Apache-2.0
//
// `cprofctl set`: changes the rates of a running process. One thread.
#ifndef CPROF_COLLECTOR_CTL_SET_H
#define CPROF_COLLECTOR_CTL_SET_H

#include "collector/ctl_options.h"

// The exit status; what went wrong has been printed.
int ctl_set(const struct ctl_options *options);

#endif
