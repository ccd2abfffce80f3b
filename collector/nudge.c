// SPDX-License-Identifier: Apache-2.0
//
// A thread is found running in proportion to the CPU time it uses, which is
// also how its samples would come.
#include "collector/nudge.h"

#include <stdlib.h>
#include <time.h>

#define NEVER	      0u
#define FIRST_STEP_NS 250000000u
#define LAST_STEP_NS  10000000000u
// The CPU time that one call may take: threads are many, and it is a visit's.
// Not the time that passes: where the machine is busy that is over after one.
#define CALL_CPU_NS 20000000u

static void begin_round(struct proc *p, uint64_t now_ns)
{
	if (!p->nudge_step_ns)
		p->nudge_end_ns = now_ns + NUDGE_FOR_NS;
	p->nudge_step_ns =
		p->nudge_step_ns ? 2 * p->nudge_step_ns : FIRST_STEP_NS;
	if (p->nudge_step_ns > LAST_STEP_NS)
		p->nudge_step_ns = LAST_STEP_NS;
	p->nudge_ns = now_ns + p->nudge_step_ns;
	if (p->nudge_ns > p->nudge_end_ns)
		p->nudge_ns = NEVER;
}

bool nudge_is_due(struct proc *p, struct nudge *ret)
{
	uint64_t now_ns = pool_now_ns();

	if (!p->region)
		return false;
	ret->from_tid = p->nudge_from_tid;
	if (!ret->from_tid) {
		if (p->nudge_ns == NEVER || now_ns < p->nudge_ns)
			return false;
		begin_round(p, now_ns);
	}
	p->nudge_from_tid = 0;
	ret->policy = proc_ask_policy(p);
	ret->is_first = p->nudge_step_ns == FIRST_STEP_NS;
	return ret->policy.sig != 0;
}

static bool is_to_tell(const struct task *t, const struct nudge *n)
{
	enum askable a = askable_judge(t, &n->policy);

	return a == ASKABLE_RUNS || (n->is_first && a == ASKABLE_YES);
}

static void tell(struct proc *p, DIR *tasks, uint32_t tid,
		 const struct nudge *n)
{
	struct task t;

	// One that has gone meanwhile needs none.
	if (!task_read(tasks, tid, &t) && is_to_tell(&t, n) && !proc_is_over(p))
		(void)task_ask(p->pid, tid, n->policy.sig, 0);
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// The thread to go on from; 0: all have been told.
static uint32_t tell_some(struct proc *p, DIR *tasks, const struct nudge *n)
{
	uint32_t *tids = NULL, next = 0;
	size_t n_tids = 0;
	uint64_t until_ns;

	if (task_list(tasks, THREADS_MAX, &tids, &n_tids))
		return 0;
	until_ns = cpu_ns() + CALL_CPU_NS;
	for (size_t i = 0; i < n_tids && !next; i++) {
		if (tids[i] < n->from_tid)
			continue;
		tell(p, tasks, tids[i], n);
		if (i + 1 < n_tids && cpu_ns() >= until_ns)
			next = tids[i + 1];
	}
	free(tids);
	return next;
}

bool nudge_send(struct proc *p, const struct nudge *n)
{
	uint32_t next;
	DIR *tasks;

	if (task_open(p->pid, &tasks))
		return true;
	next = tell_some(p, tasks, n);
	closedir(tasks);
	if (!next)
		return true;
	proc_lock(p);
	// Unless they were switched off meanwhile, or off and on.
	if (p->nudge_step_ns)
		p->nudge_from_tid = next;
	proc_unlock(p);
	return false;
}
