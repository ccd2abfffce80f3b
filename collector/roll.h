// SPDX-License-Identifier: Apache-2.0
//
// The roll call: where all threads of a process are now. Each that can be is
// asked by the shim's signal, whose handler restarts system calls; one that
// runs answers by its next tick or is asked a little later; one whose call a
// signal would end is left alone (unless the caller wants it), and so is who
// blocks the signal: of them there is what /proc says. Waits, for some
// milliseconds; needs no lock.
#ifndef CPROF_COLLECTOR_ROLL_H
#define CPROF_COLLECTOR_ROLL_H

#include "collector/askable.h"
#include "collector/proc.h"

struct roll_thread {
	struct task task;
	enum askable askable;	  // why it has no stack
	bool is_asked, has_stack; // it answered
	struct ingest_stack at;	  // at.stack is valid in any case
};

struct roll {
	struct roll_thread *threads; // by tid
	size_t n;
	uint64_t time_ns; // CLOCK_MONOTONIC, when the answers were in
	// Of kind KIND_THREADS: a row of 1 for each thread, in their order.
	struct snap *snap;
};

// 0 or negative errno: -ESRCH when the process has gone.
int roll_call(struct proc *p, bool interrupts, struct roll *ret);
void roll_free(struct roll *r);

#endif
