// SPDX-License-Identifier: Apache-2.0
//
// The two signal handlers: a CPU timer's tick, and the user's "heap snapshot
// now". They make raw, async-signal-safe calls only, keep errno, run on the
// alternate stack where there is one, with every signal blocked (32 and 33,
// which cancel threads, too), and pass on what is not theirs.
#ifndef CPROF_PRELOAD_TICK_H
#define CPROF_PRELOAD_TICK_H

#include <signal.h>
#include <stdbool.h>

// What the host believes about a signal that has our handler.
struct tick_view {
	int sig;	       // 0 = we have no handler for it
	bool is_installed;     // our handler is in force
	struct sigaction host; // the host's own action: chained, reported
};

// The CPU timers' signal (ours as long as the process runs) and the snapshot
// signal (ours only while the host leaves it at its default).
extern struct tick_view tick_prof, tick_snapshot;

// Installs both handlers, as the settings say: before the session, so that
// nobody learns of a process whose default action a signal would still find.
// Constructor only.
void tick_init(void);

// Leaves everything as tick_init found it: there is no session.
void tick_fini(void);

// Asks the collector for a heap snapshot. False when there is none. errno is
// kept; async-signal-safe.
bool tick_request_snapshot(void);

// Puts the handler of VIEW in force again.
void tick_install(struct tick_view *view);

#endif
