// SPDX-License-Identifier: Apache-2.0
//
// Description: heap samples and frees in any order end in the right live and
// total values; weights are unbiased; bounds hold and what goes beyond them is
// counted.
#include "collector/agg.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct agg a;

static void alloc(uint32_t stack, uint64_t id, uint64_t n_bytes, uint64_t rate)
{
	const struct agg_alloc al = {id, n_bytes, rate, true, 0};

	agg_alloc(&a, (struct agg_key){stack, 7, 0, 0}, &al);
}

// The sums of a stack over its sizes.
static const double *values(uint32_t stack)
{
	static double sums[KIND_VALUES_MAX];
	const struct agg_rows *t = &a.tables[AGG_HEAP];

	memset(sums, 0, sizeof(sums));
	for (size_t i = 0; i < t->n; i++)
		for (int v = 0;
		     t->list[i].stack == stack && v < KIND_VALUES_MAX; v++)
			sums[v] += t->list[i].values[v];
	return sums;
}

static void test_sizes(void **state)
{
	(void)state;
	agg_init(&a);
	alloc(10, 1, 100, 1);
	alloc(10, 2, 112, 1);
	alloc(10, 3, 113, 1);
	assert_int_equal(a.tables[AGG_HEAP].n, 3); // the first is for overflows
	assert_int_equal(a.tables[AGG_HEAP].list[1].size_class, 7);
	assert_int_equal(a.tables[AGG_HEAP].list[2].size_class, 8);
	assert_true(a.tables[AGG_HEAP].list[1].values[1] == 212);
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

static void test_exact(void **state)
{
	(void)state;
	agg_init(&a);
	alloc(10, 1, 100, 1);
	alloc(10, 2, 50, 1);
	alloc(11, 3, 7, 1);
	agg_free(&a, 1);
	assert_true(values(10)[0] == 2 && values(10)[1] == 150);
	assert_true(values(10)[2] == 1 && values(10)[3] == 50);
	assert_true(values(11)[2] == 1 && values(11)[3] == 7);
	assert_int_equal(agg_n_live(&a), 2);
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

// The stripe with the free was read before the one with the allocation.
static void test_free_first(void **state)
{
	(void)state;
	agg_init(&a);
	agg_free(&a, 5);
	alloc(10, 5, 100, 1);
	assert_true(values(10)[0] == 1 && values(10)[2] == 0);
	assert_int_equal(agg_n_live(&a), 0);
	assert_int_equal(a.early.count, 0);
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

static void test_untracked(void **state)
{
	const struct agg_alloc al = {9, 64, 1, false, 0};

	(void)state;
	agg_init(&a);
	agg_alloc(&a, (struct agg_key){10, 7, 0, 0}, &al);
	assert_true(values(10)[0] == 1 && values(10)[2] == 0);
	assert_int_equal(agg_n_live(&a), 0);
	agg_fini(&a);
}

// In any order and mix, freeing all leaves exactly nothing.
static void test_random(void **state)
{
	enum { N = 20000 };
	static uint64_t ids[2 * N];
	size_t n = 0;

	(void)state;
	agg_init(&a);
	srandom(3);
	for (uint64_t i = 1; i <= N; i++)
		ids[n++] = i, ids[n++] = i;
	for (size_t i = n - 1; i > 0; i--) {
		size_t k = (size_t)random() % (i + 1);
		uint64_t swap = ids[i];

		ids[i] = ids[k];
		ids[k] = swap;
	}
	for (size_t i = 0; i < n; i++) {
		// The first is the allocation for odd ids, the free for even.
		static char seen[N + 1];
		bool is_first = !seen[ids[i]]++;

		if (is_first == (ids[i] % 2 == 1))
			alloc(10 + ids[i] % 5, ids[i], ids[i], 1);
		else
			agg_free(&a, ids[i]);
		if (i % 1000 == 0)
			assert_int_equal(agg_check(&a), 0);
	}
	assert_int_equal(agg_n_live(&a), 0);
	assert_int_equal(a.early.count, 0);
	for (uint32_t stack = 10; stack < 15; stack++)
		assert_true(values(stack)[2] == 0 && values(stack)[3] == 0);
	agg_fini(&a);
}

// A block of 64 KiB at 512 KiB stands for 1 / (1 - exp(-1/8)) of them.
static void test_weight(void **state)
{
	(void)state;
	agg_init(&a);
	for (uint64_t i = 1; i <= 26; i++)
		alloc(10, i, 65536, 524288);
	assert_true(fabs(values(10)[0] - 26 / (1 - exp(-1. / 8))) < 1e-9);
	assert_int_equal((long)values(10)[0], 221);
	assert_int_equal((long)values(10)[1], 14501200);
	agg_fini(&a);
}

static void test_same_id_twice(void **state)
{
	(void)state;
	agg_init(&a);
	alloc(10, 1, 100, 1);
	alloc(11, 1, 10, 1);
	assert_int_equal(agg_n_live(&a), 1);
	agg_free(&a, 1);
	assert_true(values(11)[2] == 0);
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

static void test_row_bound(void **state)
{
	(void)state;
	agg_init(&a);
	for (uint32_t i = 0; i < AGG_ROWS_MAX + 10; i++)
		agg_row(&a, AGG_BLOCK, (struct agg_key){4 + i, 1, 0, 0})
			->values[0]++;
	assert_int_equal(a.tables[AGG_BLOCK].n, AGG_ROWS_MAX);
	assert_int_equal(a.tables[AGG_BLOCK].n_overflow, 11);
	assert_true(a.tables[AGG_BLOCK].list[0].values[0] == 11);
	assert_int_equal(a.tables[AGG_BLOCK].list[0].stack, FRAME_OVERFLOW);
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

static void test_early_bound(void **state)
{
	(void)state;
	agg_init(&a);
	for (uint64_t id = 1; id <= AGG_EARLY_MAX + 5; id++)
		agg_free(&a, id);
	assert_int_equal(a.early.count, AGG_EARLY_MAX);
	assert_int_equal(a.n_live_overflow, 5);
	agg_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_free_first),
		cmocka_unit_test(test_untracked),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_same_id_twice),
		cmocka_unit_test(test_row_bound),
		cmocka_unit_test(test_early_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
