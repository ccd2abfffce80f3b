// SPDX-License-Identifier: Apache-2.0
//
// Who waits for which lock, right now, and since when: what a holder must know
// at its unlock to be charged for exactly the waiting that happened under it.
// A fixed table without locks; it knows addresses only and never looks at a
// lock. A wait that finds no room is reported, not recorded.
//
//	may run at once    enter   leave   charge
//	enter              yes     yes     yes
//	leave              yes     yes     yes
//	charge             yes     yes     yes
//
// Any thread, async-signal-safe, no system call but the clock.
#ifndef CPROF_PRELOAD_CONTENTION_H
#define CPROF_PRELOAD_CONTENTION_H

#include <stdbool.h>
#include <stdint.h>

// One wait in progress, on the waiter's stack. Owner: the waiter.
struct contention_wait {
	uint64_t start_ns; // CLOCK_MONOTONIC
	uint64_t key;	   // the lock in the table, 0 = not entered
	uint32_t slot;
};

// Makes the table wipe itself in fork children, where nobody waits. 0, or
// negative errno.
int contention_init(void);

// The caller begins to wait for LOCK. IS_FIRST says that by the lock's own word
// nobody else waits for it: then what the table has held about it for more than
// a second was left behind and is dropped. Writes *RET_WAIT in any case (its
// start, and whether it is in the table). 0, or -ENOSPC: not in the table.
int contention_enter(const void *lock, bool is_first,
		     struct contention_wait *ret_wait);

// The wait WAIT is over. 0, or -EAGAIN: it could not be taken out.
int contention_leave(const struct contention_wait *wait);

// True when somebody is waiting for LOCK.
bool contention_is_waited(const void *lock);

// The caller gives LOCK back: the nanoseconds that others have waited for it
// since the last charge, in all; the waits begin anew now.
uint64_t contention_charge(const void *lock);

#endif
