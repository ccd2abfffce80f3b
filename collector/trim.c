// SPDX-License-Identifier: Apache-2.0
//
// Requests are numbered; the process says which it has served last.
#include "collector/trim.h"

#include <time.h>

#define WAIT_NS	 500000000u
#define STEP_NS	 1000000
#define PAUSE_NS 1000000000u

// What the process says became of request N. Needs the lock.
static enum trim_result look(struct proc *p, uint32_t n)
{
	const struct region_status *s = p->region ? p->region->status : NULL;

	if (!s)
		return TRIM_UNTOLD;
	// acquire: pairs with the shim's release: the result is there
	if (atomic_load_explicit(&s->x_trim_served, memory_order_acquire) != n)
		// That of a foreign heap is there from the start.
		return atomic_load_explicit(&s->x_trim_result,
					    memory_order_relaxed) ==
				       REGION_TRIM_FOREIGN
			       ? TRIM_FOREIGN
			       : TRIM_PENDING;
	switch (atomic_load_explicit(&s->x_trim_result, memory_order_relaxed)) {
	case REGION_TRIM_DONE:
		return TRIM_DONE;
	case REGION_TRIM_SANDBOXED:
		return TRIM_SANDBOXED;
	default:
		return TRIM_FOREIGN;
	}
}

// The number of the request to wait for: of the one that is open or was a
// moment ago, or of a new one. Needs the lock.
static uint32_t open_request(struct proc *p)
{
	uint64_t now_ns = pool_now_ns();

	if (!p->region || (p->n_trims && (look(p, p->n_trims) == TRIM_PENDING ||
					  now_ns - p->trimmed_ns < PAUSE_NS)))
		return p->n_trims;
	p->n_trims += p->n_trims == UINT32_MAX ? 2 : 1;
	p->trimmed_ns = now_ns;
	atomic_store_explicit(&p->region->control->x_trim_asked, p->n_trims,
			      memory_order_relaxed);
	return p->n_trims;
}

enum trim_result trim_ask(struct proc *p, bool (*is_abandoned)(void *context),
			  void *context)
{
	const struct timespec step = {.tv_nsec = STEP_NS};
	uint64_t until_ns = pool_now_ns() + WAIT_NS;
	enum trim_result result;
	uint32_t n;

	proc_lock(p);
	n = open_request(p);
	result = look(p, n);
	proc_unlock(p);
	while (result == TRIM_PENDING && pool_now_ns() < until_ns &&
	       !proc_is_over(p) && !is_abandoned(context)) {
		(void)nanosleep(&step, NULL);
		proc_lock(p);
		result = look(p, n);
		proc_unlock(p);
	}
	return result;
}

const char *trim_text(enum trim_result result)
{
	static const char *const texts[] = {
		[TRIM_DONE] = "done",
		[TRIM_PENDING] = "pending: at the program's next heap sample",
		[TRIM_FOREIGN] = "none: the allocator is not libc's",
		[TRIM_SANDBOXED] = "none: the program is in a sandbox",
		[TRIM_UNTOLD] = "none: the program uses the socket transport",
	};

	return texts[result];
}
