// SPDX-License-Identifier: Apache-2.0
//
// `cprofctl dump`: has the collector write all kinds at once. One thread.
#ifndef CPROF_COLLECTOR_CTL_DUMP_H
#define CPROF_COLLECTOR_CTL_DUMP_H

#include "collector/ctl_options.h"

// The exit status; what went wrong has been printed.
int ctl_dump(const struct ctl_options *options);

#endif
