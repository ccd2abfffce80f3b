// SPDX-License-Identifier: Apache-2.0
//
// A fold looks at every row and every live sample, so it waits for a table that
// has grown by tens of thousands of rows. After one that failed, or left a
// table full, the next waits for fifty times what it took: where nothing can be
// folded, little is lost.
#include "collector/ended.h"

#include "collector/log.h"
#include "collector/task.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_COSTS 50u

// The record of a thread's end may have found no room, or the thread no time to
// write one. In another pid namespace nobody can tell.
static void miss_threads(struct proc *p)
{
	uint32_t *tids;
	size_t n;
	DIR *tasks;

	if (p->has_other_pids || proc_is_over(p) || task_open(p->pid, &tasks))
		return;
	if (!task_list(tasks, SIZE_MAX, &tids, &n)) {
		threads_miss(&p->ingest.threads, tids, n);
		free(tids);
	}
	closedir(tasks);
}

static void complete(struct agg *a, struct snap *s)
{
	if (!s || !s->rows_copy)
		return;
	(void)agg_copy_more_rows(a, s->kind, s->rows_copy, SIZE_MAX);
	if (s->live_copy)
		(void)agg_copy_more_live(a, s->live_copy, SIZE_MAX);
}

static bool is_full(const struct ingest *in)
{
	return agg_is_full(&in->agg) || threads_are_full(&in->threads);
}

static bool is_due(struct proc *p)
{
	struct ingest *in = &p->ingest;
	bool has_grown =
		agg_has_grown(&in->agg) || threads_have_grown(&in->threads);

	if (!has_grown && !is_full(in))
		return false;
	// One that went well says how far a table has grown since.
	if ((!has_grown || p->has_fold_failed) &&
	    pool_now_ns() < p->fold_after_ns)
		return false;
	// Those that are kept until something happens may wait for ever.
	complete(&in->agg, p->toggled);
	complete(&in->agg, p->regular.peak);
	// What else is being copied for a snapshot stays where it is.
	return !agg_is_being_copied(&in->agg);
}

void ended_fold(struct proc *p)
{
	struct ingest *in = &p->ingest;
	uint64_t now_ns;
	int err;

	// A trace shows threads by their numbers, while there is room.
	if ((p->is_traced && !is_full(in)) || !is_due(p))
		return;
	now_ns = pool_now_ns();
	err = ingest_fold(in);
	p->has_fold_failed = err != 0;
	if (err)
		log_debug("process %u: rows of ended threads are kept: %s",
			  p->pid, strerror(-err));
	// For the next time, when their last records have been read.
	miss_threads(p);
	p->n_threads_named = 0;
	p->fold_after_ns = pool_now_ns();
	p->fold_after_ns += PAUSE_COSTS * (p->fold_after_ns - now_ns);
}
