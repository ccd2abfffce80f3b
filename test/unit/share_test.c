// SPDX-License-Identifier: Apache-2.0
//
// Description: many who ask at once share a result that was begun after each of
// them asked; who gives up costs the others nothing; errors reach all.
#include "collector/share.h"

#include "collector/pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ASKERS 16
#define ROUNDS 8

static struct share share;
static _Atomic uint64_t x_n_made;
static _Atomic int x_wrong;
static int answer;

static int make(void *context, struct buf *ret)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	uint64_t n = atomic_fetch_add(&x_n_made, 1) + 1;

	(void)context;
	nanosleep(&moment, NULL);
	buf_put(ret, &n, sizeof(n));
	return answer;
}

static bool stays(void *context)
{
	(void)context;
	return false;
}

static bool goes(void *context)
{
	(void)context;
	return true;
}

static void *ask(void *arg)
{
	const struct share_work work = {make, stays, NULL};

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t before = atomic_load(&x_n_made), got = 0;
		struct buf b;

		buf_init(&b);
		if (share_get(&share, &work, &b) || b.n_bytes != sizeof(got))
			atomic_fetch_add(&x_wrong, 1);
		else
			memcpy(&got, b.data, sizeof(got));
		// What was begun before the question is older than it.
		if (got <= before)
			atomic_fetch_add(&x_wrong, 1);
		buf_fini(&b);
	}
	return arg;
}

static void test_many_share_what_is_new(void **state)
{
	pthread_t threads[ASKERS];

	(void)state;
	share_init(&share);
	for (int i = 0; i < ASKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, NULL),
				 0);
	for (int i = 0; i < ASKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&x_wrong), 0);
	assert_in_range(atomic_load(&x_n_made), ROUNDS, ASKERS * ROUNDS / 2);
	assert_null(share.result.data); // nobody is there
	share_fini(&share);
}

// What is sent to many costs, too: then the pause is longer than the shortest.
static void test_the_pause_counts_senders(void **state)
{
	const struct share_work work = {make, stays, NULL};
	uint64_t began_ns = pool_now_ns();
	struct buf b;

	(void)state;
	share_init(&share);
	share.n_askers = 199;
	buf_init(&b);
	assert_int_equal(share_get(&share, &work, &b), 0);
	assert_true(share.not_before_ns - began_ns > 480000000u);
	assert_true(share.not_before_ns <= pool_now_ns() + 1000000000u);
	buf_fini(&b);
	share_fini(&share);
}

static void test_who_gives_up_is_told(void **state)
{
	const struct share_work work = {make, goes, NULL};
	struct buf b;

	(void)state;
	share_init(&share);
	share.not_before_ns = pool_now_ns() + 3600000000000u;
	buf_init(&b);
	assert_int_equal(share_get(&share, &work, &b), -EPIPE);
	assert_false(share.has_leader);
	assert_int_equal(share.n_begun, 0);
	buf_fini(&b);
	share_fini(&share);
}

static void test_an_error_is_passed_on(void **state)
{
	const struct share_work work = {make, stays, NULL};
	struct buf b;

	(void)state;
	share_init(&share);
	answer = -ENOMEM;
	buf_init(&b);
	assert_int_equal(share_get(&share, &work, &b), -ENOMEM);
	assert_int_equal(b.n_bytes, 0);
	answer = 0;
	assert_int_equal(share_get(&share, &work, &b), 0);
	buf_fini(&b);
	share_fini(&share);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_share_what_is_new),
		cmocka_unit_test(test_the_pause_counts_senders),
		cmocka_unit_test(test_who_gives_up_is_told),
		cmocka_unit_test(test_an_error_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
