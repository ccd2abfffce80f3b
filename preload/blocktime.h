// SPDX-License-Identifier: Apache-2.0
//
// The time of a wait, from before the real call to after it. Nothing is held in
// between: the real call may never return (cancellation, longjmp), and then
// there is just no sample. Any thread, async-signal-safe, errno kept.
#ifndef CPROF_PRELOAD_BLOCKTIME_H
#define CPROF_PRELOAD_BLOCKTIME_H

#include <stdbool.h>
#include <stdint.h>

// True when waits of the calling thread are to be looked at, for either
// profile; then self.tid is known. Attaches a fork child.
bool blocktime_is_on(void);

// The time now if waits of the calling thread are timed, else 0.
uint64_t blocktime_begin(void);

// A wait that began at START_NS (0 = not timed) is over.
void blocktime_end(uint64_t start_ns);

#endif
