// SPDX-License-Identifier: Apache-2.0
//
// The threads of one process and their names, also of those that have ended:
// their samples stay. Those that ended a while ago can be taken out: then a
// number beyond all threads' (SNAP_TID_ENDED) stands for all that had the same
// name. Bounded: beyond the bound new threads have no name.
// One thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_THREADS_H
#define CPROF_COLLECTOR_THREADS_H

#include "collector/hmap.h"
#include "collector/snap.h"
#include "proto/limits.h"

struct threads {
	struct snap_thread *list;
	uint32_t *ended; // the round in which its end was read; 0: it runs
	size_t n;
	size_t list_capacity;
	size_t ended_capacity;
	struct hmap by_tid;  // tid -> index
	size_t first_reused; // index; from here on names are worth a look
	uint32_t round;	     // of reading, from 1
	// Names of ended threads; number i is SNAP_TID_ENDED + i. The first is
	// that of those without a name, or beyond the bound.
	char (*ended_names)[16];
	size_t n_ended_names;
	size_t ended_names_capacity;
	struct hmap by_name; // hash of a name -> number
	size_t n_folded;     // threads there were after the last fold
	uint64_t n_forgotten;
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

// All rings were read once more. Two rounds after a thread's end was read all
// that it wrote before has been, whichever ring it lies in; and in two more
// what had to wait for its stack.
void threads_round(struct threads *t);

// So many threads have come since the last fold, or as many as there may be,
// that those that have ended are to be taken out.
bool threads_have_grown(const struct threads *t);
bool threads_are_full(const struct threads *t);

// Those whose end was read four rounds ago, and what becomes of them (fold.h),
// to be freed. 0 or -ENOMEM.
int threads_ended(struct threads *t, struct fold_thread **ret, size_t *ret_n);
// Forgets those of LIST.
void threads_forget(struct threads *t, const struct fold_thread *list,
		    size_t n);

// Threads that run and are not in TIDS, which get sorted, have ended unheard.
void threads_miss(struct threads *t, uint32_t *tids, size_t n);

// A copy of the list, sorted by tid, with what stands for ended ones. NULL: no
// memory.
struct snap_thread *threads_copy(const struct threads *t, size_t *ret_n);

size_t threads_bytes(const struct threads *t);

#endif
