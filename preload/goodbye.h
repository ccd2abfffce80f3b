// SPDX-License-Identifier: Apache-2.0
//
// The end of the process. Async-signal-safe.
#ifndef CPROF_PRELOAD_GOODBYE_H
#define CPROF_PRELOAD_GOODBYE_H

// The process is about to end: waits until its profiles are written, if there
// are any to write, no longer than CPROF_EXIT_TIMEOUT.
void goodbye(void);

#endif
