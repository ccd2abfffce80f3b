// SPDX-License-Identifier: Apache-2.0
//
// The sessions there are, and what is remembered of the last that ended.
// It holds one reference to each session that has not ended. Any thread.
#ifndef CPROF_COLLECTOR_TABLE_H
#define CPROF_COLLECTOR_TABLE_H

#include "collector/hmap.h"
#include "collector/proc.h"
#include "proto/limits.h"

#define TABLE_ENDED_MAX 256u

// What remains of an ended session.
struct table_ended {
	uint32_t pid;
	char comm[16];
	struct proc_texts files;
	struct proc_texts warnings;
};

struct table {
	pthread_mutex_t lock; // rank 10
	struct proc **procs;
	size_t n_procs;
	size_t capacity;
	struct hmap by_pid;   // pid -> struct proc * of its latest session
	struct proc **graves; // ended, their jobs may still run
	size_t n_graves;
	size_t graves_capacity;
	struct table_ended ended[TABLE_ENDED_MAX]; // a ring
	size_t n_ended;				   // ever
	uint64_t active_ns; // when something last began or ended
};

void table_init(struct table *t);
void table_fini(struct table *t);

// P is the session of its pid from now on. Takes over the caller's reference.
// 0, -ENOMEM, or -EUSERS: too many; then the reference stays the caller's.
int table_add(struct table *t, struct proc *p);

// The latest session of PID, with a reference, or NULL.
struct proc *table_find(struct table *t, uint32_t pid);

// All sessions, each with a reference; to be given back with table_unlist().
// NULL only for no memory.
struct proc **table_list(struct table *t, size_t *ret_n);
void table_unlist(struct proc **procs, size_t n);

// P has ended and has been written: what is remembered of it is copied, and it
// goes among the graves. Needs no lock of P.
void table_end(struct table *t, struct proc *p);

// An ended session whose jobs do not run any more, with the table's reference,
// or NULL.
struct proc *table_exhume(struct table *t);

// The last ended session of PID as copies, unless it has a later one that
// lives. 0, -ENOENT or -ENOMEM.
int table_get_ended(struct table *t, uint32_t pid, struct table_ended *ret);
void table_free_ended(struct table_ended *e);

// Live sessions and graves.
size_t table_count(struct table *t);
bool table_has_graves(struct table *t);
// True once any session has ended.
bool table_has_ended(struct table *t);
// Shared memory of the sessions there are.
uint64_t table_region_bytes(struct table *t);

// Something happens: an idle collector stays a little longer.
void table_touch(struct table *t);
uint64_t table_active_ns(struct table *t);

#endif
