// SPDX-License-Identifier: Apache-2.0
//
// A few dozen places, looked at by each visit.
#include "collector/begun.h"

#include <errno.h>

int begun_put(struct proc *p, unsigned kind, struct snap *first,
	      uint64_t until_ns)
{
	struct proc_begun *b = &p->begun[kind];

	if (b->first)
		return -EBUSY;
	b->first = first;
	b->until_ns = until_ns;
	return 0;
}

struct snap *begun_take(struct proc *p, unsigned kind)
{
	struct snap *first = p->begun[kind].first;

	p->begun[kind].first = NULL;
	return first;
}

void begun_end_cpu(struct proc *p, uint64_t old_hz)
{
	// It was possible before, so it is now.
	if (!p->is_cpu_hz_set)
		(void)proc_set_rate(p, SETTING_CPU_HZ, old_hz);
	p->is_cpu_profiled = false;
}

void begun_expire(struct proc *p)
{
	uint64_t now_ns = pool_now_ns();

	for (unsigned kind = 0; kind < KIND_N + PROFILES_MAX; kind++) {
		if (!p->begun[kind].first || now_ns < p->begun[kind].until_ns)
			continue;
		snap_free(begun_take(p, kind));
		if (kind == KIND_CPU)
			begun_end_cpu(p, p->begun_old_hz);
	}
}
