// SPDX-License-Identifier: Apache-2.0
//
// `cprofctl run`: starts a program under the shim, waits for it, and says what
// it left. One thread.
#ifndef CPROF_COLLECTOR_CTL_RUN_H
#define CPROF_COLLECTOR_CTL_RUN_H

#include "collector/ctl_options.h"

// The program's exit status, 128 + the signal that ended it, 126 or 127 when it
// could not be started, or CTL_FAILED or CTL_USAGE before that. What went wrong
// has been printed, on stderr: stdout is the program's.
int ctl_run(const struct ctl_options *options);

#endif
