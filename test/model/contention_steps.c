// SPDX-License-Identifier: Apache-2.0
//
// Description: the code of waiters and of a holder who charges them, stepped
// through its interleavings: no charge is more than the waiting there was, a
// waiter who was there all the time is charged for all of it, and in the end
// the table is empty. With a broken swap it is not so.
#include "preload/contention.h"

#include "test/model/step.h"

#include <stdio.h>

// Two locks of one bucket are as good as one another.
static char lock_bytes[64];
#define LOCK ((void *)(lock_bytes))

static uint64_t charged_ns, began_ns, last_ns;
static struct contention_wait patient;

static void begin(void)
{
	charged_ns = 0;
	// One who waits from before the others to after them.
	if (contention_enter(LOCK, true, &patient))
		step_fail("there is no room");
	began_ns = patient.start_ns;
}

static void wait(void)
{
	struct contention_wait w;

	if (contention_enter(LOCK, false, &w) || contention_leave(&w))
		step_fail("a wait finds no room");
}

static void hold(void)
{
	if (!contention_is_waited(LOCK))
		step_fail("the patient one is not seen");
	charged_ns += contention_charge(LOCK);
}

static bool is_right(void)
{
	uint64_t all_ns;

	charged_ns += contention_charge(LOCK);
	last_ns = step_now_ns();
	all_ns = last_ns - began_ns;
	// The clock moves by 1024 ns at each look, the last one is ours.
	if (charged_ns < all_ns - 1024 || charged_ns > 3 * all_ns)
		return false;
	if (contention_leave(&patient))
		return false;
	return !contention_is_waited(LOCK);
}

int main(void)
{
	static const struct step_plan plan = {
		.begin = begin,
		.n_threads = 3,
		.threads = {wait, wait, hold},
		.is_right = is_right,
		.n_preemptions = 3,
	};
	unsigned long n = step_explore(&plan);

	if (!n)
		return 1;
	printf("%lu interleavings are right\n", n);
	step_breaks = true;
	if (step_explore(&plan)) {
		printf("a broken table is not noticed\n");
		return 1;
	}
	return 0;
}
