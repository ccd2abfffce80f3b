// SPDX-License-Identifier: Apache-2.0
//
// Writes profiles of a session as files: all kinds on request and at the end,
// the heap when its signal came. Snapshots are taken under the session's lock,
// files are made without it.
#ifndef CPROF_COLLECTOR_DUMP_H
#define CPROF_COLLECTOR_DUMP_H

#include "collector/proc.h"
#include "collector/snap.h"

// All kinds, and the process's own.
#define DUMP_KINDS_MAX (KIND_N + PROFILES_MAX)

// Snapshots that become files of one number.
struct dump {
	struct snap *snaps[DUMP_KINDS_MAX];
	unsigned n_snaps;
	bool is_regular;   // not asked for by name: old ones may be removed
	double peak_bytes; // of a peak's dump, else 0
	// The last one, of KIND_CPU, tells of what came after this; NULL: of
	// all.
	struct snap *since;
};

// Adds snapshots of those of KINDS (bit set by enum kind) that have samples to
// *ret, which has none yet. Needs the lock and rings that were drained.
void dump_take(struct proc *p, uint32_t kinds, struct dump *ret);

// Makes the files and adds their absolute names to the session's and to *ret
// (may be NULL). Takes the lock for moments. 0, or the first error as a
// negative errno, which is among the session's warnings then; what could be
// written is.
int dump_write(struct proc *p, struct dump *d, struct proc_texts *ret);
void dump_free(struct dump *d);

// Hands D's snapshots to the writers. IS_EXIT: they are the last ones of the
// session. Needs the lock. 0 or -ENOMEM, then D is freed.
int dump_post(struct proc *p, struct dump *d, bool is_exit);

// True while as many dumps wait as may: a process could ask for them faster
// than a disk writes, and each has a copy of its state. Needs the lock.
bool dump_is_full(const struct proc *p);

// The writers' job: writes what was posted, then says so to the process. For
// pool_job_init().
uint64_t dump_job(void *context);

// Tells an exiting process that its files are there; and one whose session is
// closed, that its profiles are for another collector from now on and, if its
// files were written, what they account for. Needs the lock.
void dump_announce(struct proc *p, bool is_written);

// Where the files go: the template filled in, or a place that can be written
// to when that one can't. Needs the lock.
void dump_choose_dir(struct proc *p);

#endif
