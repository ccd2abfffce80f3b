// SPDX-License-Identifier: Apache-2.0
//
// The two signal handlers: a CPU timer's tick, and the user's "heap snapshot
// now". They make raw, async-signal-safe calls only, keep errno, run on the
// alternate stack where there is one, with every signal blocked (32 and 33,
// which cancel threads, too), and pass on what is not theirs.
#ifndef CPROF_PRELOAD_TICK_H
#define CPROF_PRELOAD_TICK_H

#include "preload/state.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// What the host believes about a signal that has our handler.
struct tick_view {
	int sig;	   // 0 = we have no handler for it
	bool is_installed; // our handler stands for the host's
	bool is_silent;	   // but is out of force, see tick_silence
	bool interrupts;   // siginterrupt: signal() sets no SA_RESTART
	// The host's own action: chained, reported. In two places, so that a
	// handler never reads one half written: hosts[x_host] is in force
	// (release by the writer pairs with tick_host's acquire).
	struct sigaction hosts[2];
	_Atomic uint32_t x_host;
};

static inline const struct sigaction *tick_host(const struct tick_view *view)
{
	return &view->hosts[atomic_load_explicit(&view->x_host,
						 memory_order_acquire)];
}

void tick_set_host(struct tick_view *view, const struct sigaction *act);

// The CPU timers' signal (ours as long as the process runs), the snapshot
// signal and gperftools' CPUPROFILESIGNAL (ours only while the host leaves them
// at their default).
extern struct tick_view tick_prof, tick_snapshot, tick_toggle;

// Moves when the calling thread has handled a signal of ours: it ended a call
// that the host expects no signal to end.
static inline uint32_t tick_count(void)
{
	return atomic_load_explicit(&waiting.x_n_signals, memory_order_relaxed);
}

// Installs both handlers, as the settings say: before the session, so that
// nobody learns of a process whose default action a signal would still find.
// Constructor only.
void tick_init(void);

// Leaves everything as tick_init found it: there is no session.
void tick_fini(void);

// The host is going to take the signals in WANTED from a descriptor or by a
// wait, where a signal that has our handler never comes. If the timers' is
// among them, they move to another one (SIGWINCH, or SIGURG from that). Only
// while there is one thread, whose timer and mask can be changed at once. errno
// is kept.
void tick_give_way(const sigset_t *wanted);

// Asks the collector for a heap snapshot; it is owed when the collector can't
// be told now (this thread is just attaching, the socket is full). False when
// there is none. errno is kept; async-signal-safe.
bool tick_request_snapshot(void);

// Puts the handler of VIEW in force again.
void tick_install(struct tick_view *view);

// The calling thread blocks the timers' signal from now on, really, or does no
// longer: a thread whose blocked signals the host may look at has no timer.
void tick_park(void);
void tick_unpark(void);

// The calling thread has just begun. If it blocks the timers' signal, by the
// mask it was given, and the host has a handler for it, it goes on blocking it,
// really: the host may let it through by a raw system call (Go's runtime does),
// and then it must come. False: it is to be unblocked.
bool tick_inherit_block(void);

// No thread's ticks run a handler any more, unless the host has one of its own:
// before a filter comes over all threads that may forbid to return from it.
void tick_silence(void);

#endif
