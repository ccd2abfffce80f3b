// SPDX-License-Identifier: Apache-2.0
//
// A run is repeated from its beginning with the decisions of the one before,
// but for the last that had another way to go.
#include "test/model/step.h"

#include "preload/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define STACK_BYTES   (256u << 10)
#define DECISIONS_MAX 4096u
#define NOBODY	      STEP_THREADS_MAX

struct step_thread {
	ucontext_t context;
	struct thread self; // the shim's word of who it is
	bool has_ended;
};

// Who could go on, the one who was running first, and who did.
struct decision {
	uint8_t taken;
	uint8_t n_ways;
};

bool step_breaks;
char step_single_threaded;

static const struct step_plan *plan;
static struct step_thread threads[STEP_THREADS_MAX];
static _Alignas(64) unsigned char stacks[STEP_THREADS_MAX][STACK_BYTES];
static ucontext_t main_context;
static unsigned current;
static struct decision decisions[DECISIONS_MAX];
static unsigned n_decisions; // those that are given
static unsigned depth, n_preemptions;
static const char *failure;
static uint64_t now_units;
static uintptr_t watch_from, watch_bytes = UINTPTR_MAX;

void step_watch(const void *from, size_t n_bytes)
{
	watch_from = (uintptr_t)from;
	watch_bytes = n_bytes;
}

void step_fail(const char *why)
{
	if (!failure)
		failure = why;
}

uint64_t step_now_ns(void)
{
	return (1000 + ++now_units) * 1024;
}

// The ways from here: threads that may run next.
static unsigned list_ways(uint8_t ret_ways[STEP_THREADS_MAX])
{
	bool may_stay = current != NOBODY && !threads[current].has_ended;
	unsigned n = 0;

	if (may_stay)
		ret_ways[n++] = (uint8_t)current;
	if (may_stay && n_preemptions == plan->n_preemptions)
		return n;
	for (unsigned i = 0; i < plan->n_threads; i++)
		if (i != current && !threads[i].has_ended)
			ret_ways[n++] = (uint8_t)i;
	return n;
}

// Who runs next, or NOBODY when all have ended.
static unsigned decide(void)
{
	uint8_t ways[STEP_THREADS_MAX];
	unsigned n = list_ways(ways);
	unsigned taken;

	if (n < 2)
		return n ? ways[0] : NOBODY;
	if (depth == DECISIONS_MAX)
		abort();
	if (depth == n_decisions)
		decisions[n_decisions++] = (struct decision){0, (uint8_t)n};
	taken = decisions[depth].taken;
	if (decisions[depth++].n_ways != n)
		step_fail("a run can't be repeated");
	if (taken && ways[0] == current)
		n_preemptions++;
	return ways[taken < n ? taken : 0];
}

static void go_on_with(unsigned next)
{
	ucontext_t *from =
		current == NOBODY ? &main_context : &threads[current].context;
	ucontext_t *to =
		next == NOBODY ? &main_context : &threads[next].context;

	if (current != NOBODY)
		threads[current].self = self;
	if (next != NOBODY)
		self = threads[next].self;
	current = next;
	swapcontext(from, to);
}

void step_at(uintptr_t p)
{
	unsigned next;

	if (current == NOBODY || p - watch_from >= watch_bytes)
		return;
	next = decide();
	if (next != current)
		go_on_with(next);
}

static void run_thread(void)
{
	plan->threads[current]();
	threads[current].has_ended = true;
	go_on_with(decide());
}

static void run_once(void)
{
	depth = n_preemptions = 0;
	now_units = 0;
	failure = NULL;
	current = NOBODY;
	plan->begin();
	for (unsigned i = 0; i < plan->n_threads; i++) {
		struct step_thread *t = &threads[i];

		*t = (struct step_thread){.self = {.tid = i + 1}};
		getcontext(&t->context);
		t->context.uc_stack.ss_sp = stacks[i];
		t->context.uc_stack.ss_size = STACK_BYTES;
		makecontext(&t->context, run_thread, 0);
	}
	go_on_with(decide());
	if (!failure && !plan->is_right())
		failure = "the end is not right";
}

// False when all ways have been gone.
static bool choose_next_run(void)
{
	while (n_decisions) {
		struct decision *d = &decisions[n_decisions - 1];

		if (d->taken + 1 < d->n_ways) {
			d->taken++;
			return true;
		}
		n_decisions--;
	}
	return false;
}

static void tell(unsigned long n_runs)
{
	printf("wrong in run %lu: %s; preempted at", n_runs, failure);
	for (unsigned i = 0; i < n_decisions; i++)
		if (decisions[i].taken)
			printf(" %u:%u", i, decisions[i].taken);
	printf("\n");
}

unsigned long step_explore(const struct step_plan *p)
{
	unsigned long n_runs = 0;

	plan = p;
	n_decisions = 0;
	do {
		n_runs++;
		run_once();
		if (failure) {
			tell(n_runs);
			return 0;
		}
	} while (choose_next_run());
	return n_runs;
}
