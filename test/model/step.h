// SPDX-License-Identifier: Apache-2.0
//
// Explores the interleavings of real code: threads that are coroutines of one
// thread, and stop before each access to memory that is watched; who goes on is
// decided there, differently in each run, until every decision has been tried
// that preempts a thread no more than so many times. Nearly all races need one
// or two preemptions. Memory is sequentially consistent.
//
// One exploration at a time.
#ifndef CPROF_TEST_MODEL_STEP_H
#define CPROF_TEST_MODEL_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STEP_THREADS_MAX 4u

struct step_plan {
	void (*begin)(void); // before each run: everything is new
	unsigned n_threads;
	void (*threads[STEP_THREADS_MAX])(void);
	bool (*is_right)(void); // after each run
	unsigned n_preemptions;
};

// Returns the number of runs, all of which were right; 0 when one was not.
unsigned long step_explore(const struct step_plan *plan);

// What is shared: other accesses are no steps. At first all are.
void step_watch(const void *from, size_t n_bytes);

// The running thread is about to access P.
void step_at(uintptr_t p);

// The run has gone wrong already.
void step_fail(const char *why);

// A clock that never stands still.
uint64_t step_now_ns(void);

// True makes the instrumented read-modify-writes not atomic: a check that finds
// nothing wrong then can't find anything.
extern bool step_breaks;

#endif
