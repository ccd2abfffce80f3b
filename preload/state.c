// SPDX-License-Identifier: Apache-2.0
//
// The storage of state.h: one page that forks away, and one line per thread.
#include "preload/state.h"

#include "preload/sys.h"

#include <assert.h>
#include <sys/mman.h>

static_assert(sizeof(struct state) == REGION_PAGE, "the state is one page");
static_assert(sizeof(struct thread) <= CACHELINE, "a thread is one line");

struct state state;

__thread struct thread self __attribute__((aligned(CACHELINE)));

bool state_is_sandboxed(void)
{
	const struct region_control *c = state_control();

	// relaxed: a flag that only ever goes up and guards nothing else
	return atomic_load_explicit(&state.x_sandboxed, memory_order_relaxed) ||
	       (c &&
		atomic_load_explicit(&c->x_sandboxed, memory_order_relaxed));
}

void state_set_sandboxed(void)
{
	atomic_store_explicit(&state.x_sandboxed, 1, memory_order_relaxed);
}

void state_count(enum region_counter counter, uint64_t n)
{
	if (state_control())
		atomic_fetch_add_explicit(&state.status->x_counters[counter], n,
					  memory_order_relaxed);
}

int state_init(void)
{
	return (int)sys_call(SYS_madvise, &state, REGION_PAGE, MADV_WIPEONFORK);
}
