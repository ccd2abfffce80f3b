// SPDX-License-Identifier: Apache-2.0
//
// Has a process give the free memory of its heap back to the system (the shim's
// malloc_trim), at most once in a second for all who ask. The process does it
// by itself, at its next heap sample, so one that allocates nothing has to be
// left alone: it does it later. Waits, without a lock; any thread.
#ifndef CPROF_COLLECTOR_TRIM_H
#define CPROF_COLLECTOR_TRIM_H

#include "collector/proc.h"

enum trim_result {
	TRIM_DONE,
	TRIM_PENDING,	// it has allocated too little meanwhile
	TRIM_FOREIGN,	// its allocator is not libc's
	TRIM_SANDBOXED, // it makes no system calls for us any more
	TRIM_UNTOLD,	// by the socket transport nothing can be asked
};

// Asks P, and waits half a second at most. IS_ABANDONED(CONTEXT): whoever asked
// has gone.
enum trim_result trim_ask(struct proc *p, bool (*is_abandoned)(void *context),
			  void *context);

// For people, and HTTP headers.
const char *trim_text(enum trim_result result);

#endif
