// SPDX-License-Identifier: Apache-2.0
//
// A child that exec'd carries the same environment as its parent, so it can't
// know that it is one; but its ancestors have sessions here.
#include "collector/admit.h"

#include "collector/procfs.h"

#include <string.h>
#include <unistd.h>

// How far up a process's ancestors are asked for.
#define ANCESTORS_MAX 64
// A rate below this is called exact: its rings fill in milliseconds.
#define EXACT_BELOW_BYTES 4096u
// From so many processes on each gets less.
#define PROCS_WITH_DEFAULT 32u

struct proc *admit_find(struct table *t, uint32_t pid)
{
	struct proc *p = table_find(t, pid);

	if (p && proc_is_gone(p)) {
		proc_unref(p);
		return NULL;
	}
	return p;
}

// The nearest ancestor that has a session, with a reference.
static struct proc *find_ancestor(struct table *t, uint32_t pid)
{
	struct procfs_stat st;

	// Whoever has just started the collector waits for it.
	if (!table_count(t))
		return NULL;
	for (int i = 0; i < ANCESTORS_MAX && !procfs_stat(pid, &st); i++) {
		struct proc *p;

		pid = st.parent_pid;
		if (pid <= 1)
			return NULL;
		p = admit_find(t, pid);
		if (p)
			return p;
	}
	return NULL;
}

// What the parent of an exec allows, or everything when there is none: what
// PID itself was before, when that was a fork child, or an ancestor. A process
// that was started by hand may replace itself.
static uint32_t allowed_by_parent(struct table *t, uint32_t pid)
{
	struct proc *p = admit_find(t, pid);
	uint32_t follow = FOLLOW_EXEC | FOLLOW_FORK;

	if (p && !p->hello->is_fork) {
		proc_unref(p);
		return follow;
	}
	if (!p)
		p = find_ancestor(t, pid);
	if (p) {
		follow = p->hello->follow;
		proc_unref(p);
	}
	return follow;
}

// A process that lost patience with a collector that was only slow goes on with
// the region it has; a session it never learnt of is replaced.
static bool is_served(struct table *t, uint32_t pid)
{
	struct proc *p = admit_find(t, pid);
	bool is = false;

	if (!p)
		return false;
	proc_lock(p);
	is = p->region && !proc_is_over(p) && proc_is_attached(p);
	proc_unlock(p);
	proc_unref(p);
	return is;
}

const char *admit_check(struct table *t, uint32_t pid,
			const Cprof__Hello *hello)
{
	if (!pid)
		return "its pid can't be seen from the collector's pid "
		       "namespace";
	if (hello->is_reconnect)
		return is_served(t, pid) ? "it has a session here" : NULL;
	if (hello->is_fork)
		return hello->follow & FOLLOW_FORK
			       ? NULL
			       : "CPROF_FOLLOW leaves out fork children";
	return allowed_by_parent(t, pid) & FOLLOW_EXEC
		       ? NULL
		       : "CPROF_FOLLOW leaves out children that exec";
}

// A quarter of the machine's memory for all regions together.
static uint64_t bound_bytes(void)
{
	long n_pages = sysconf(_SC_PHYS_PAGES);

	return n_pages > 0 ? (uint64_t)n_pages * REGION_PAGE / 4 : 1ull << 30;
}

const struct region_size *admit_size(struct table *t, const Cprof__Hello *hello)
{
	bool is_exact =
		hello->heap_rate && hello->heap_rate < EXACT_BELOW_BYTES;
	const struct region_size *size =
		is_exact ? &region_exact : &region_default;
	uint64_t n_bytes = (uint64_t)size->n_stripes * size->stripe_bytes * 2;

	// A process that had a collector before can only take a region of the
	// size it has.
	if (hello->is_reconnect && region_size_of(hello->region_bytes))
		return region_size_of(hello->region_bytes);
	if (!is_exact && table_count(t) >= PROCS_WITH_DEFAULT)
		return &region_small;
	if (table_region_bytes(t) + n_bytes > bound_bytes())
		return &region_small;
	return size;
}
