// SPDX-License-Identifier: Apache-2.0
//
// Unwinding in the process itself: the walk of proto/walk.h along the thread's
// own stack, and which stacks were sent before. Where there are no tables, no
// known stack or no rule, the capture goes to the collector as it is. No
// unwinder, no loader, no lock, no system call. Any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_UNWIND_H
#define CPROF_PRELOAD_UNWIND_H

#include "preload/capture.h"
#include "preload/sent.h"
#include "proto/walk.h"

struct unwound {
	struct walk_tables tables;
	struct walk_start start;
	struct walk_result result; // n_frames > 0
	struct sent_stack sent;
	bool is_sent; // its hash will do
};

// Walks the stack of C, whose frames must still be there. False: it can't be.
bool unwind_walk(const struct capture *c, uint32_t generation,
		 struct unwound *ret);

// The thread ends; or the process begins a session, and no thread is known.
void unwind_forget(void);
void unwind_clear(void);

// Walks again and writes the U->result.n_frames pcs to AT. False: the tables
// have changed since.
bool unwind_write(const struct unwound *u, uint64_t *at);

#endif
