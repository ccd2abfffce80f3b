// SPDX-License-Identifier: Apache-2.0
//
// Which threads may be sent the shim's signal without any of their calls being
// disturbed. Pure: judges what task_read() has seen. Any thread.
#ifndef CPROF_COLLECTOR_ASKABLE_H
#define CPROF_COLLECTOR_ASKABLE_H

#include "collector/task.h"

enum askable {
	ASKABLE_YES,
	ASKABLE_RUNS,	   // it does, and may be in any call in a moment
	ASKABLE_SLEEPS,	   // in a call that a signal would end
	ASKABLE_BLOCKS,	   // it blocks the signal
	ASKABLE_SANDBOXED, // its seccomp filter may forbid a handler's return
	ASKABLE_STOPPED,   // by a debugger or SIGSTOP, or uninterruptible
	ASKABLE_UNHANDLED, // nobody in the process handles the signal
	ASKABLE_ENDED,
};

struct askable_policy {
	int sig;
	uint64_t base_filters; // seccomp filters the process began with
	uint32_t eintr;	       // enum region_eintr
	bool interrupts;       // those that sleep, too
};

enum askable askable_judge(const struct task *t,
			   const struct askable_policy *policy);

// Why not, for people.
const char *askable_reason(enum askable a);

#endif
