// SPDX-License-Identifier: Apache-2.0
//
// Takes snapshots of a session: copies, so that rendering needs no lock. What
// may be large is copied piece by piece, and reading goes on between two.
// Needs the session's lock, but where it says so; the caller drains first.
#ifndef CPROF_COLLECTOR_TAKE_H
#define CPROF_COLLECTOR_TAKE_H

#include "collector/proc.h"
#include "collector/snap.h"

// KIND is an enum kind, or KIND_N and more for the process's own profiles.

// What the process has done of KIND since its start; to be finished before its
// rows are looked at. To be freed with snap_free(). NULL: no memory.
struct snap *take_snap(struct proc *p, unsigned kind);

// The same of KIND_INUSE, with what is in use told apart by its age: the label
// `age`. The sums over a stack are those of take_snap(), also when rounded.
struct snap *take_aged(struct proc *p);

// Copies the rows of S (NULL is none), as they were when it was taken. Without
// the lock, which it takes again and again, for moments.
void take_finish(struct proc *p, struct snap *s);

// Adds the comments about what was lost in S's interval, once, before it is
// rendered. Without the lock.
void take_comments(struct snap *s);

// CLOCK_REALTIME.
int64_t take_realtime_ns(void);

// Adds one line of comment; there is room for a few. A snapshot that no memory
// was left for the comments of gets none.
void take_comment(struct snap *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// True when at least one sample of KIND has come.
bool take_has_samples(const struct proc *p, unsigned kind);

// Samples of KIND that have come.
uint64_t take_n_samples(const struct proc *p, unsigned kind);

// Asks /proc for the names of threads: of new ones only, or of all (ALL) that
// are alive, since a name may change.
void take_thread_names(struct proc *p, bool all);

#endif
