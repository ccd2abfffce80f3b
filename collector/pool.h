// SPDX-License-Identifier: Apache-2.0
//
// A few threads and a queue of jobs ordered by when they are due. A job is one
// piece of work that may be wanted again and again (a visit to a process): it
// is never run by two threads at once, and asking for it while it runs makes it
// run once more. The pool owns the threads; a job is its owner's and must stay
// until pool_is_idle() has said so after the last post.
//
//	may run at once   post   is_idle   the job's fn
//	post              yes    yes       yes
//	the job's fn      yes    yes       no: one at a time
#ifndef CPROF_COLLECTOR_POOL_H
#define CPROF_COLLECTOR_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Does the work; returns when it wants to run again (CLOCK_MONOTONIC, ns;
// POOL_NOW = at once, behind those that are due already), or POOL_NEVER.
typedef uint64_t (*pool_fn)(void *context);
#define POOL_NOW   0ull
#define POOL_NEVER UINT64_MAX

struct pool_job {
	pool_fn fn;
	void *context;
	// The rest is the pool's, under its lock.
	uint64_t due_ns;   // while queued; while running: when to run again
	size_t heap_index; // place in the queue + 1, 0 = not queued
	bool is_running;
};

struct pool;

// At most N_THREADS threads named NAME (a constant), with all signals blocked:
// one, and more when there is more to do at once, since who starts a collector
// waits for each that is made: mostly by the one that takes a job and leaves
// another. NULL: no memory or no thread.
struct pool *pool_new(const char *name, unsigned n_threads);

// Runs what is being run to its end and joins the threads; what is queued, now
// or later, is never run.
void pool_stop(struct pool *p);
// Stops it if that was not done, and frees it.
void pool_free(struct pool *p);

void pool_job_init(struct pool_job *job, pool_fn fn, void *context);

// JOB runs at DUE_NS or earlier. Any thread, the job's own fn too. 0, or
// -ENOMEM.
int pool_post(struct pool *p, struct pool_job *job, uint64_t due_ns);

// True when JOB is neither queued nor running.
bool pool_is_idle(struct pool *p, const struct pool_job *job);

// A thread outside of any pool, to be joined, with as large a stack as a
// pool's, whatever RLIMIT_STACK the program had that started the collector. 0
// or negative errno.
int pool_thread(pthread_t *ret, void *(*fn)(void *), void *context);

// CLOCK_MONOTONIC in ns. Any thread.
uint64_t pool_now_ns(void);

#endif
