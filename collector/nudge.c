// SPDX-License-Identifier: Apache-2.0
//
// A thread is found running in proportion to the CPU time it uses, which is
// also how its samples would come.
#include "collector/nudge.h"

#include <stdlib.h>

#define NEVER	      0u
#define FIRST_STEP_NS 250000000u
#define LAST_STEP_NS  10000000000u

bool nudge_is_due(struct proc *p, struct nudge *ret)
{
	uint64_t now_ns = pool_now_ns();

	if (p->nudge_ns == NEVER || now_ns < p->nudge_ns || !p->region)
		return false;
	ret->policy = proc_ask_policy(p);
	ret->is_first = !p->nudge_step_ns;
	p->nudge_step_ns = ret->is_first ? FIRST_STEP_NS : 2 * p->nudge_step_ns;
	if (p->nudge_step_ns > LAST_STEP_NS)
		p->nudge_step_ns = LAST_STEP_NS;
	p->nudge_ns = now_ns + p->nudge_step_ns;
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

void nudge_send(struct proc *p, const struct nudge *n)
{
	uint32_t *tids = NULL;
	size_t n_tids = 0;
	DIR *tasks;

	if (task_open(p->pid, &tasks))
		return;
	if (!task_list(tasks, THREADS_MAX, &tids, &n_tids))
		for (size_t i = 0; i < n_tids; i++)
			tell(p, tasks, tids[i], n);
	free(tids);
	closedir(tasks);
}
