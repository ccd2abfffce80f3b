// SPDX-License-Identifier: Apache-2.0
//
// Description: jobs run when they are due, in order, never twice at once, and
// once more when they were asked for while they ran.
#include "collector/pool.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_NS 10000000000ull
#define N_JOBS	    64
#define N_ROUNDS    50

static _Atomic int x_n_runs;
static _Atomic int x_is_in;
static _Atomic int x_n_overlaps;
static _Atomic int x_may_go;
static _Atomic int x_order[N_JOBS];

static void wait_for(int n_runs)
{
	uint64_t until_ns = pool_now_ns() + DEADLINE_NS;

	while (x_n_runs < n_runs && pool_now_ns() < until_ns)
		usleep(100);
	assert_int_equal(x_n_runs, n_runs);
}

static void wait_idle(struct pool *p, const struct pool_job *job)
{
	uint64_t until_ns = pool_now_ns() + DEADLINE_NS;

	while (!pool_is_idle(p, job) && pool_now_ns() < until_ns)
		usleep(100);
	assert_true(pool_is_idle(p, job));
}

static uint64_t note_order(void *context)
{
	x_order[x_n_runs] = (int)(intptr_t)context;
	x_n_runs++;
	return POOL_NEVER;
}

static void test_order(void **state)
{
	static struct pool_job jobs[N_JOBS];
	struct pool *p = pool_new("test", 1);
	uint64_t base_ns = pool_now_ns() + 20000000;

	(void)state;
	x_n_runs = 0;
	for (int i = 0; i < N_JOBS; i++) {
		int rank = (i * 37) % N_JOBS;

		pool_job_init(&jobs[rank], note_order, (void *)(intptr_t)rank);
		assert_int_equal(pool_post(p, &jobs[rank],
					   base_ns + (uint64_t)rank * 10000),
				 0);
	}
	// One is wanted earlier than it was.
	assert_int_equal(pool_post(p, &jobs[50], base_ns - 1), 0);
	wait_for(N_JOBS);
	assert_true(pool_now_ns() >= base_ns);
	assert_int_equal(x_order[0], 50);
	for (int i = 1; i < N_JOBS; i++)
		assert_int_equal(x_order[i], i <= 50 ? i - 1 : i);
	pool_free(p);
}

static uint64_t wait_inside(void *context)
{
	(void)context;
	x_n_overlaps += x_is_in++;
	x_n_runs++;
	while (!x_may_go)
		usleep(100);
	x_is_in--;
	return POOL_NEVER;
}

static void test_again(void **state)
{
	struct pool *p = pool_new("test", 4);
	struct pool_job job;

	(void)state;
	x_n_runs = 0;
	pool_job_init(&job, wait_inside, NULL);
	assert_int_equal(pool_post(p, &job, POOL_NOW), 0);
	wait_for(1);
	for (int i = 0; i < 10; i++)
		assert_int_equal(pool_post(p, &job, POOL_NOW), 0);
	assert_false(pool_is_idle(p, &job));
	x_may_go = 1;
	wait_for(2);
	wait_idle(p, &job);
	assert_int_equal(x_n_runs, 2);
	assert_int_equal(x_n_overlaps, 0);
	pool_free(p);
}

static uint64_t run_again(void *context)
{
	(void)context;
	return ++x_n_runs < 100 ? POOL_NOW : POOL_NEVER;
}

static unsigned n_threads(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/task");

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static _Atomic int x_n_here;
static _Atomic int x_n_met;

// Comes to its end when N_MEETING run at once. One that comes when the others
// have given up has met nobody.
#define N_MEETING 3
static uint64_t meet(void *context)
{
	uint64_t until_ns = pool_now_ns() + DEADLINE_NS;

	(void)context;
	x_n_here++;
	while (x_n_here < N_MEETING && pool_now_ns() < until_ns)
		usleep(100);
	x_n_met += x_n_here == N_MEETING;
	return POOL_NEVER;
}

static void meet_all(struct pool *p)
{
	static struct pool_job jobs[N_MEETING];

	x_n_here = 0;
	x_n_met = 0;
	for (int i = 0; i < N_MEETING; i++) {
		pool_job_init(&jobs[i], meet, NULL);
		assert_int_equal(pool_post(p, &jobs[i], POOL_NOW), 0);
	}
	for (int i = 0; i < N_MEETING; i++)
		wait_idle(p, &jobs[i]);
	assert_int_equal(x_n_met, N_MEETING);
}

// A thread is made when there is more to do at once than there are threads; in
// the rounds after the first all of them sleep when the jobs come.
static void test_threads(void **state)
{
	struct pool *p = pool_new("test", N_MEETING);
	struct pool_job job;

	(void)state;
	pool_job_init(&job, note_order, NULL);
	for (int i = 0; i < N_JOBS; i++) {
		x_n_runs = 0;
		assert_int_equal(pool_post(p, &job, POOL_NOW), 0);
		wait_idle(p, &job);
	}
	// The first may not have begun to wait when the first job came.
	assert_true(n_threads() < 1 + N_MEETING);
	for (int i = 0; i < N_ROUNDS; i++)
		meet_all(p);
	assert_int_equal(n_threads(), 1 + N_MEETING);
	pool_free(p);
}

static void test_returns_when(void **state)
{
	struct pool *p = pool_new("test", 2);
	struct pool_job job;

	(void)state;
	x_n_runs = 0;
	pool_job_init(&job, run_again, NULL);
	assert_int_equal(pool_post(p, &job, POOL_NOW), 0);
	wait_for(100);
	wait_idle(p, &job);
	pool_stop(p);
	// After the end posts do nothing and do no harm.
	assert_int_equal(pool_post(p, &job, POOL_NOW), 0);
	pool_free(p);
	assert_int_equal(x_n_runs, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_returns_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
