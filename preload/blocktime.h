// SPDX-License-Identifier: Apache-2.0
//
// The time of a wait, from before the real call to after it. Nothing is held in
// between: the real call may never return (cancellation, longjmp), and then
// there is just no sample. Any thread, async-signal-safe, errno kept.
#ifndef CPROF_PRELOAD_BLOCKTIME_H
#define CPROF_PRELOAD_BLOCKTIME_H

#include "proto/record.h"

#include <stdbool.h>
#include <stdint.h>

// True when waits of the calling thread are to be looked at, for either
// profile; then self.tid is known. Attaches a fork child.
bool blocktime_is_on(void);

// The time now if waits of the calling thread are timed, else 0. Notes that it
// waits for LOCK.
uint64_t blocktime_begin(enum record_wait wait, const void *lock);

// Notes what the calling thread waits for since START_NS, and who had it then
// (0: not known): for those who ask for its stack meanwhile.
void blocktime_note(enum record_wait wait, const void *lock, uint32_t holder,
		    uint64_t start_ns);

// A wait that began at START_NS (0 = not timed) is over.
void blocktime_end(uint64_t start_ns);

#endif
