// SPDX-License-Identifier: Apache-2.0
//
// Description: the difference of two snapshots: rows matched by stack and
// thread, rows of nothing dropped, vanished rows negative, the interval right.
#include "collector/snap.h"

#include "collector/shared.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct snap *make(enum kind kind, size_t n_rows,
			 const struct snap_row *rows)
{
	struct snap *s = calloc(1, sizeof(*s));

	s->session = 7;
	s->kind = kind;
	s->n_stacks = 5000;
	s->stacks = shared_new(s->n_stacks * sizeof(*s->stacks));
	s->rows = calloc(n_rows + 1, sizeof(*rows));
	for (size_t i = 0; i < n_rows; i++)
		s->rows[i] = rows[i];
	s->n_rows = n_rows;
	return s;
}

static const struct snap_row *find(const struct snap *s, uint32_t stack,
				   uint32_t tid)
{
	for (size_t i = 0; i < s->n_rows; i++)
		if (s->rows[i].stack == stack && s->rows[i].tid == tid)
			return &s->rows[i];
	return NULL;
}

static void test_subtract(void **state)
{
	const struct snap_row old_rows[] = {
		{.stack = 1, .tid = 10, .values = {2, 200}},
		{.stack = 1, .tid = 11, .values = {1.25, 100.1}},
		{.stack = 3, .tid = 10, .values = {4, 400}},
	};
	const struct snap_row new_rows[] = {
		{.stack = 1, .tid = 10, .values = {5, 700}},
		{.stack = 2, .tid = 10, .values = {1, 1}},
		{.stack = 1, .tid = 11, .values = {1.25, 100.1}},
	};
	struct snap *older = make(KIND_BLOCK, 3, old_rows);
	struct snap *newer = make(KIND_BLOCK, 3, new_rows);

	(void)state;
	older->time_ns = 1000, older->duration_ns = 300;
	newer->time_ns = 1500, newer->duration_ns = 800;
	assert_int_equal(snap_subtract(newer, older), 0);
	assert_int_equal(newer->n_rows, 3);
	assert_true(find(newer, 1, 10)->values[0] == 3);
	assert_true(find(newer, 1, 10)->values[1] == 500);
	assert_true(find(newer, 2, 10)->values[1] == 1);
	assert_null(find(newer, 1, 11));
	assert_true(find(newer, 3, 10)->values[1] == -400);
	assert_int_equal(newer->time_ns, 1500);
	assert_int_equal(newer->duration_ns, 500);
	assert_int_equal(older->n_rows, 3);
	snap_free(older);
	snap_free(newer);
}

static void test_cpu_interval(void **state)
{
	struct snap *older = make(KIND_CPU, 0, NULL);
	struct snap *newer = make(KIND_CPU, 0, NULL);

	(void)state;
	older->time_ns = newer->time_ns = 1000;
	older->duration_ns = 300;
	newer->duration_ns = 800;
	assert_int_equal(snap_subtract(newer, older), 0);
	assert_int_equal(newer->time_ns, 1300);
	assert_int_equal(newer->duration_ns, 500);
	snap_free(older);
	snap_free(newer);
}

static void test_mismatch(void **state)
{
	struct snap *a = make(KIND_CPU, 0, NULL);
	struct snap *b = make(KIND_BLOCK, 0, NULL);

	(void)state;
	assert_int_equal(snap_subtract(a, b), -EINVAL);
	b->kind = KIND_CPU;
	b->session = 8;
	assert_int_equal(snap_subtract(a, b), -EINVAL);
	snap_free(a);
	snap_free(b);
}

static uint64_t *counts(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t *list = calloc(3, sizeof(*list));

	list[0] = a;
	list[1] = b;
	list[2] = c;
	return list;
}

// What a delta says was lost was lost in its interval.
static void test_counts(void **state)
{
	struct snap *older = make(KIND_BLOCK, 0, NULL);
	struct snap *newer = make(KIND_BLOCK, 0, NULL);

	(void)state;
	older->n_counts = newer->n_counts = 3;
	older->counts = counts(5, 7, 9);
	newer->counts = counts(5, 10, 1);
	assert_int_equal(snap_subtract(newer, older), 0);
	assert_int_equal(newer->counts[0], 0);
	assert_int_equal(newer->counts[1], 3);
	assert_int_equal(newer->counts[2], 0); // a counter that went back
	snap_free(older);
	snap_free(newer);
}

static void test_many(void **state)
{
	enum { N = 4000 };
	struct snap_row *rows = calloc(N, sizeof(*rows));
	struct snap *older, *newer;

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		rows[i] = (struct snap_row){
			.stack = i,
			.tid = i % 7,
			.values = {i, 2.0 * i},
		};
	older = make(KIND_ALLOC, N, rows);
	for (uint32_t i = 0; i < N; i += 2)
		rows[i].values[0] += 1;
	newer = make(KIND_ALLOC, N, rows);
	assert_int_equal(snap_subtract(newer, older), 0);
	assert_int_equal(newer->n_rows, N / 2);
	for (size_t i = 0; i < newer->n_rows; i++)
		assert_true(newer->rows[i].values[0] == 1);
	snap_free(older);
	snap_free(newer);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subtract),
		cmocka_unit_test(test_cpu_interval),
		cmocka_unit_test(test_mismatch),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
