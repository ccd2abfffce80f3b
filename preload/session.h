// SPDX-License-Identifier: Apache-2.0
//
// The session with the collector: finding it (and starting it), saying hello
// and mapping the region it hands over. With the ring no descriptor is kept:
// they are all closed before the call returns.
//
// A process attaches in its constructor; a fork child at its first event, which
// may wait a second for a collector that was alive when it was forked (the one
// call that may: else a child that lives for milliseconds would not be seen on
// a busy machine); a process whose collector has died at a later event, every
// second at most: that takes less than a millisecond, and where there is no
// collector it starts one and leaves it to a later event to connect.
// Async-signal-safe; one thread at a time attaches, the others go on without.
#ifndef CPROF_PRELOAD_SESSION_H
#define CPROF_PRELOAD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

// Remembers what later calls need. Constructor only. WARNINGS are about the
// process, for the collector to show; static texts, NULL-terminated.
void session_init(const char *const *warnings);

// Attaches for the first time; starts a collector when none answers.
void session_start(void);

// True when attached. Attaches a fork child that never tried; looks for a new
// collector when the heartbeat is stale.
bool session_ensure(void);

// True when a collector is about to answer: session_ensure() is worth another
// look soon. One load.
bool session_is_pending(void);

// The process is about to end: waits until UNTIL_NS for room for what a former
// collector has not read.
void session_settle(uint64_t until_ns);

// The same, and its collector has gone: goes on with the next one, which is
// waited for until UNTIL_NS. False: there is none.
bool session_renew(uint64_t until_ns);

// The calling process is about to fork: notes whether its collector is alive.
void session_before_fork(void);

// The calling process is a fresh fork child.
void session_forked(void);

#endif
