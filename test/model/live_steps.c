// SPDX-License-Identifier: Apache-2.0
//
// Description: the code of threads that allocate and free the same addresses in
// turn, with every block a sample, and that of the collector's visits, stepped
// through their interleavings, with rings that are busy and full now and then:
// in the end the collector counts as live what is, and the table holds nothing
// else. With broken read-modify-writes it is not so.
#include "collector/drain.h"
#include "preload/live.h"
#include "preload/ring.h"
#include "preload/state.h"

#include "test/model/step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_ADDRESSES 2u
#define N_ROUNDS    2

static const struct region_size size = {.n_stripes = 1,
					.n_first = 1,
					.stripe_bytes = 256,
					.lg_live_buckets = 0};

static struct proc *proc;
static struct region *region;
// What the heap has given away, and whether the table knows of it.
static bool is_held[N_ADDRESSES], is_tracked[N_ADDRESSES];

static const void *address(unsigned i)
{
	return (const void *)(0x10000ul + i * 16);
}

static void begin(void)
{
	memset(region->status, 0, REGION_PAGE);
	memset(region_stripe(region, 0), 0, sizeof(struct stripe));
	memset(region_bucket(region, 0), 0, sizeof(struct live_bucket));
	ringread_init(&proc->rings[0], region_stripe(region, 0),
		      size.stripe_bytes);
	ingest_fini(&proc->ingest);
	if (ingest_init(&proc->ingest, NULL, 16))
		abort();
	proc->frees_deferred = 0;
	proc->x_is_over = 0;
	memset(is_held, 0, sizeof(is_held));
	memset(is_tracked, 0, sizeof(is_tracked));
	for (unsigned i = 0; i < N_ADDRESSES; i++)
		*live_filter_of(address(i)) = 0;
}

// As preload/sample.c does it; the number of the address, or -1: none is free.
static int allocate(void)
{
	struct record r = {.type = RECORD_ALLOC, .value = 8, .aux = 1};
	struct live_slot slot;
	uint64_t stale;
	unsigned i = 0;

	while (i < N_ADDRESSES && is_held[i])
		i++;
	if (i == N_ADDRESSES)
		return -1;
	is_held[i] = true;
	slot.id = r.id = ++region->status->x_last_id;
	if (!live_reserve(address(i), &slot, &stale) || stale)
		step_fail("an address is in the table already");
	if (ring_try_push(&r, NULL)) {
		live_cancel(&slot);
		return (int)i;
	}
	is_tracked[i] = true;
	live_publish(&slot, address(i));
	return (int)i;
}

// As preload/hook_heap.c does it.
static void release(unsigned i)
{
	struct live_slot slot;

	if (!live_maybe(address(i)) || !live_take(address(i), &slot)) {
		if (is_tracked[i])
			step_fail("a free is missed");
		is_held[i] = false;
		return;
	}
	is_tracked[i] = false;
	if (ring_try_push_free(slot.id))
		live_defer(&slot, address(i));
	else
		live_release(&slot, address(i));
	is_held[i] = false;
}

static void work(void)
{
	for (int i = 0; i < N_ROUNDS; i++) {
		int held = allocate();

		if (held >= 0)
			release((unsigned)held);
	}
}

// Its last block stays.
static void keep(void)
{
	int held = allocate();

	if (held >= 0)
		release((unsigned)held);
	(void)allocate();
}

static void visit(void)
{
	(void)drain_run(proc);
	(void)drain_run(proc);
}

static bool is_right(void)
{
	size_t n_live = 0;

	atomic_store(&proc->x_is_over, 1); // all deferred frees are looked for
	visit();
	for (unsigned i = 0; i < N_ADDRESSES; i++) {
		n_live += is_tracked[i];
		if (*live_filter_of(address(i)) != is_tracked[i])
			return false;
	}
	for (unsigned s = 0; s < LIVE_SLOTS; s++)
		n_live -= region_bucket(region, 0)->x_slots[s] != 0;
	return !n_live && !agg_check(&proc->ingest.agg) &&
	       agg_n_live(&proc->ingest.agg) ==
		       (size_t)is_tracked[0] + is_tracked[1] &&
	       !proc->ingest.agg.early.count;
}

// A session whose process is this one.
static void make_session(void)
{
	static const struct proc_env env = {0};
	Cprof__Hello *hello = malloc(sizeof(*hello));
	struct proc_start start = {.env = &env,
				   .pid = (uint32_t)getpid(),
				   .maps_fd = -1,
				   .pid_fd = -1,
				   .hello = hello};

	cprof__hello__init(hello);
	if (proc_new(&start, &proc) || region_new(&size, &region) ||
	    ingest_init(&proc->ingest, NULL, 16))
		abort();
	proc->is_started = true;
	proc_use_region(proc, region);
	state.status = region->status;
	state.stripes = (unsigned char *)region_stripe(region, 0);
	state.stripe_step_bytes = sizeof(struct stripe) + size.stripe_bytes;
	state.n_stripes = size.n_stripes;
	state.buckets = region_bucket(region, 0);
	state.x_ids = region_id(region, 0, 0);
	state.x_control = region->control;
}

int main(void)
{
	static const struct step_plan plan = {
		.begin = begin,
		.n_threads = 3,
		.threads = {work, keep, visit},
		.is_right = is_right,
		.n_preemptions = 2,
	};
	unsigned long n;

	make_session();
	n = step_explore(&plan);
	if (!n)
		return 1;
	printf("%lu interleavings are right\n", n);
	step_breaks = true;
	if (step_explore(&plan)) {
		printf("a broken table is not noticed\n");
		return 1;
	}
	proc_unref(proc);
	return 0;
}
