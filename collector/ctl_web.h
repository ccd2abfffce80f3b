// SPDX-License-Identifier: Apache-2.0
//
// `cprofctl web`: has the running collector serve over TCP, and says where.
// One thread.
#ifndef CPROF_COLLECTOR_CTL_WEB_H
#define CPROF_COLLECTOR_CTL_WEB_H

#include "collector/ctl_options.h"

// The exit status; what went wrong has been printed.
int ctl_web(const struct ctl_options *options);

#endif
