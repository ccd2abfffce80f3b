// SPDX-License-Identifier: Apache-2.0
//
// The storage of state.h: one page that forks away, and one line per thread.
#include "preload/state.h"

#include "preload/rmw.h"
#include "preload/sys.h"

#include <assert.h>
#include <sys/mman.h>

static_assert(sizeof(struct state) == REGION_PAGE, "the state is one page");
static_assert(sizeof(struct thread) <= CACHELINE, "a thread is one line");

struct state state;
static _Atomic bool x_sandboxed;

__thread struct thread self __attribute__((aligned(CACHELINE)));

__thread struct waiting waiting;

bool state_is_sandboxed(void)
{
	const struct region_control *c = state_control();

	// relaxed: a flag that only ever goes up and guards nothing else
	return atomic_load_explicit(&x_sandboxed, memory_order_relaxed) ||
	       (c &&
		atomic_load_explicit(&c->x_sandboxed, memory_order_relaxed));
}

void state_set_sandboxed(bool is_sandboxed)
{
	atomic_store_explicit(&x_sandboxed, is_sandboxed, memory_order_relaxed);
}

bool state_is_own_process(void)
{
	return !state.pid || state_is_sandboxed() ||
	       state.pid == (uint32_t)sys_call(SYS_getpid);
}

void state_count(enum region_counter counter, uint64_t n)
{
	if (state_control())
		(void)rmw_add(&state.status->x_counters[counter], n);
}

int state_init(void)
{
	return (int)sys_call(SYS_madvise, &state, REGION_PAGE, MADV_WIPEONFORK);
}

// Number of unloads in progress, and the generation. A fork child goes on from
// its parent's, which is as good as any.
static _Atomic uint32_t x_unloads;
static _Atomic uint32_t x_generation;
// A fork child has its parent's handlers, and its sockets.
static _Atomic uint32_t x_ask_signal;
static _Atomic uint32_t x_eintr;
// Constant after the constructor.
static bool is_heap_foreign;

static void publish_ask_signal(void)
{
	atomic_store_explicit(&state.status->x_eintr,
			      atomic_load_explicit(&x_eintr,
						   memory_order_relaxed),
			      memory_order_relaxed);
	atomic_store_explicit(&state.status->x_ask_signal,
			      atomic_load_explicit(&x_ask_signal,
						   memory_order_relaxed),
			      memory_order_relaxed);
}

void state_set_ask_signal(int sig)
{
	atomic_store_explicit(&x_ask_signal, (uint32_t)sig,
			      memory_order_relaxed);
	if (state_control())
		publish_ask_signal();
}

bool state_has_ask_signal(void)
{
	return atomic_load_explicit(&x_ask_signal, memory_order_relaxed);
}

void state_note_eintr(enum region_eintr what)
{
	if (atomic_load_explicit(&x_eintr, memory_order_relaxed) & what)
		return;
	atomic_fetch_or_explicit(&x_eintr, what, memory_order_relaxed);
	if (state_control())
		publish_ask_signal();
}

void state_note_foreign_heap(void)
{
	is_heap_foreign = true;
}

void state_publish_generation(void)
{
	if (!state_control())
		return;
	publish_ask_signal();
	if (is_heap_foreign)
		atomic_store_explicit(&state.status->x_trim_result,
				      REGION_TRIM_FOREIGN,
				      memory_order_relaxed);
	// release: pairs with the collector's acquire before it reads the maps
	atomic_store_explicit(&state.status->x_generation,
			      atomic_load_explicit(&x_generation,
						   memory_order_relaxed),
			      memory_order_release);
}

void state_forked(void)
{
	uint32_t generation;

	atomic_store_explicit(&x_unloads, 0, memory_order_relaxed);
	generation = atomic_load_explicit(&x_generation, memory_order_relaxed);
	atomic_store_explicit(&x_generation, generation + (generation & 1),
			      memory_order_relaxed);
}

uint32_t state_unload_begin(void)
{
	uint32_t ends =
		atomic_load_explicit(&x_generation, memory_order_relaxed);

	if (!atomic_fetch_add_explicit(&x_unloads, 1, memory_order_acq_rel))
		ends = atomic_fetch_add_explicit(&x_generation, 1,
						 memory_order_relaxed);
	state_publish_generation();
	return ends;
}

void state_unload_end(void)
{
	uint32_t n = atomic_load_explicit(&x_unloads, memory_order_relaxed);

	// None: it began in the parent of a fork, and what is unloaded in the
	// child by now makes a generation of its own.
	while (n && !atomic_compare_exchange_weak_explicit(
			    &x_unloads, &n, n - 1, memory_order_acq_rel,
			    memory_order_relaxed))
		;
	if (n <= 1)
		atomic_fetch_add_explicit(&x_generation, n ? 1 : 2,
					  memory_order_relaxed);
	state_publish_generation();
}
