// SPDX-License-Identifier: Apache-2.0
//
// One POSIX timer a thread, on the thread's own CPU clock: it never interrupts
// a thread that sleeps, never hits another one, ends with exec, and counts what
// a slow tick makes it miss as overruns. With CPU profiling off there is none,
// but where the collector can't signal a thread that it was switched on: then
// it is a heartbeat of ten a CPU second, by which the thread notices.
//
// Own thread only; raw calls, async-signal-safe. Nothing in a sandbox.
#ifndef CPROF_PRELOAD_CPUTIMER_H
#define CPROF_PRELOAD_CPUTIMER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

// The timers' signal, 0 = no timers, and whether SI is one of their ticks.
extern int cputimer_signal;
bool cputimer_is_tick(const siginfo_t *si);

// Creates the calling thread's timer and arms it for HZ (0 = as above), the
// first expiry random within a period, so that short threads are hit fairly.
// Failure is counted, never more.
void cputimer_start(uint16_t hz);

// Arms it for another rate.
void cputimer_rearm(uint16_t hz);

// Deletes it.
void cputimer_stop(void);

// Creates a one-shot of FIRST_NS CPU time in a fork child that may or may not
// do work worth attaching for.
void cputimer_start_probe(uint64_t first_ns);

// Lets the timers' signal through to the calling thread, which then has
// THREAD_BLOCKS_PROF if it blocked it.
void cputimer_unblock(void);

// Nanoseconds between ticks at HZ; 0 for the heartbeat.
uint64_t cputimer_period_ns(uint16_t hz);

// CPU time the calling thread has used.
uint64_t cputimer_thread_ns(void);

#endif
