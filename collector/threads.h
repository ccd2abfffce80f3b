// SPDX-License-Identifier: Apache-2.0
//
// The threads of one process and their names, also of those that have ended:
// their samples stay. Bounded: beyond the bound new threads have no name.
// One thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_THREADS_H
#define CPROF_COLLECTOR_THREADS_H

#include "collector/hmap.h"
#include "collector/snap.h"
#include "proto/limits.h"

struct threads {
	struct snap_thread *list;
	bool *is_ended;
	size_t n;
	size_t list_capacity;
	size_t ended_capacity;
	struct hmap by_tid;  // tid -> index
	size_t first_reused; // index; from here on names are worth a look
};

void threads_init(struct threads *t);
void threads_fini(struct threads *t);

// TID has been seen. True when it is new,
// so that its name is worth looking up.
bool threads_see(struct threads *t, uint32_t tid);

// TID has written a record: if it had ended, it is another thread now, which
// keeps the name of the former until its own is known.
void threads_run(struct threads *t, uint32_t tid);

// TID is called NAME (N_BYTES at most, ends at a NUL before that); what is not
// UTF-8 in it is replaced.
void threads_name(struct threads *t, uint32_t tid, const void *name,
		  size_t n_bytes);

// TID has ended: its name will not change any more.
void threads_end(struct threads *t, uint32_t tid);

// A copy of the list, sorted by tid. NULL: no memory.
struct snap_thread *threads_copy(const struct threads *t);

#endif
