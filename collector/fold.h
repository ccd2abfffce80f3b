// SPDX-License-Identifier: Apache-2.0
//
// What became of threads' numbers. Rows of threads that have ended are added up
// under numbers that stand for all of one name (threads.h), now and then; an
// earlier snapshot that is to be subtracted from a later one must follow. The
// folds of a session are a chain: a snapshot holds the link that was the last
// when it was taken, and with it all that came after; what no snapshot is older
// than is forgotten.
//
// fold_begin(), fold_commit() and fold_ref() need the process's lock; the rest
// any thread, for links it holds.
#ifndef CPROF_COLLECTOR_FOLD_H
#define CPROF_COLLECTOR_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fold;

// From now on TID is TO. Lists of them are sorted by tid, each of which is
// there once.
struct fold_thread {
	uint32_t tid;
	uint32_t to;
};

// A fold that is not yet made.
struct fold_step {
	struct fold *link;	  // the new last one, NULL: none is needed
	struct fold_thread *list; // or what the last one will have
	size_t n;
};

// The chain of a new session. NULL: no memory. Whoever began it has the last
// link, by a reference that is no snapshot's.
struct fold *fold_new(void);
// A session ends: it looks at LAST (may be NULL) no more.
void fold_end(struct fold *last);

// A snapshot is taken now, or copied: it holds F (may be NULL).
struct fold *fold_ref(struct fold *f);
void fold_unref(struct fold *f);

// Gets all the memory that a fold of LIST (N threads) needs after LAST. 0,
// -ENOMEM, or -ENOSPC where snapshots hold too many already.
int fold_begin(const struct fold *last, const struct fold_thread *list,
	       size_t n, struct fold_step *ret);
// Makes it; *LAST is the new last one. Or gives it up.
void fold_commit(struct fold **last, struct fold_step *step);
void fold_cancel(struct fold_step *step);

// What TID of a snapshot that holds FROM is called in one that holds TO.
uint32_t fold_follow(const struct fold *from, const struct fold *to,
		     uint32_t tid);

// What TID becomes by LIST.
uint32_t fold_find(const struct fold_thread *list, size_t n, uint32_t tid);

#endif
