// SPDX-License-Identifier: Apache-2.0
//
// The collector: owns the loop, the pools, the listening socket and all
// sessions, and decides when to end. One per process.
#ifndef CPROF_COLLECTOR_SERVER_H
#define CPROF_COLLECTOR_SERVER_H

#include "collector/opts.h"

// Serves until it is told to end (SIGTERM, SIGINT) or, when a shim started it,
// has been idle for long enough. Returns the exit status; what went wrong has
// been said.
int server_run(const struct opts *o);

#endif
