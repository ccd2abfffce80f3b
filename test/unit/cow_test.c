// SPDX-License-Identifier: Apache-2.0
//
// Description: a copy that is made in pieces is the array of the moment it
// began, whatever its owner does to it meanwhile; no call copies more than it
// should; owner and taker may each end first.
#include "collector/agg.h"
#include "collector/cow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N	   100000u
#define STEP_BYTES 4096u
// One chunk more than was asked for.
#define MOST_BYTES (STEP_BYTES + 1024u)

static uint64_t *array;
static size_t n;
static struct cow *list;

static void make(void)
{
	n = N;
	array = calloc(N, sizeof(*array));
	for (size_t i = 0; i < n; i++)
		array[i] = i;
	list = NULL;
	srandom(1);
}

static void change(size_t i)
{
	cow_touch(&list, array, i);
	array[i] += N;
}

// The owner changes some, and adds some, which moves the array.
static void go_on(void)
{
	for (int i = 0; i < 50; i++)
		change((size_t)random() % n);
	array = realloc(array, (n + 10) * sizeof(*array));
	for (int i = 0; i < 10; i++)
		array[n++] = 7;
}

static void finish(struct cow *c, const uint64_t *expected, size_t n_expected)
{
	uint64_t *elements;

	while (!cow_step(&list, c, array, STEP_BYTES))
		go_on();
	assert_true(cow_longest_bytes(c) <= MOST_BYTES);
	assert_int_equal(cow_count(c), n_expected);
	elements = cow_elements(c);
	assert_memory_equal(elements, expected, n_expected * sizeof(*expected));
	free(elements);
	cow_unref(c);
}

static uint64_t *now(void)
{
	uint64_t *copy = malloc(n * sizeof(*copy));

	memcpy(copy, array, n * sizeof(*copy));
	return copy;
}

static void test_moment(void **state)
{
	uint64_t *then;
	struct cow *c;

	(void)state;
	make();
	then = now();
	c = cow_begin(&list, n, sizeof(*array));
	go_on();
	cow_populate(c);
	finish(c, then, N);
	assert_null(list);
	free(then);
	free(array);
}

// Each is of its own moment.
static void test_several(void **state)
{
	struct cow *first, *second, *dropped;
	uint64_t *then, *later;
	size_t n_later;

	(void)state;
	make();
	then = now();
	first = cow_begin(&list, n, sizeof(*array));
	go_on();
	dropped = cow_begin(&list, n, sizeof(*array));
	(void)cow_step(&list, dropped, array, STEP_BYTES);
	later = now();
	n_later = n;
	second = cow_begin(&list, n, sizeof(*array));
	go_on();
	cow_unref(dropped);
	finish(second, later, n_later);
	finish(first, then, N);
	assert_null(list);
	free(then);
	free(later);
	free(array);
}

static void test_empty(void **state)
{
	struct cow *c;

	(void)state;
	make();
	c = cow_begin(&list, 0, sizeof(*array));
	change(5);
	finish(c, array, 0);
	free(array);
}

static void test_owner_ends(void **state)
{
	struct cow *c;

	(void)state;
	make();
	c = cow_begin(&list, n, sizeof(*array));
	change(5);
	cow_end(&list);
	assert_null(list);
	free(array);
	cow_unref(c);
}

// What a process's tables do between two pieces.
static void sample(struct agg *a, uint32_t stack, uint64_t id)
{
	const struct agg_alloc al = {id, 64, 1, true, stack};

	agg_alloc(a, (struct agg_key){stack, 7, 0, 0}, &al);
}

static void test_tables(void **state)
{
	enum { STACKS = 5000 };
	struct agg_live *live;
	struct snap_row *rows;
	struct cow *r, *l;
	struct agg a;
	uint64_t id = 1;

	(void)state;
	agg_init(&a);
	for (uint32_t i = 0; i < STACKS; i++)
		sample(&a, 100 + i, id++);
	r = agg_copy_rows(&a, KIND_ALLOC);
	l = agg_copy_live(&a);
	for (uint32_t i = 0; i < STACKS; i++) {
		sample(&a, 100 + i, id++);
		agg_free(&a, 1 + i);
		if (i % 100)
			continue;
		(void)agg_copy_more_rows(&a, KIND_ALLOC, r, 1);
		(void)agg_copy_more_live(&a, l, 1);
	}
	assert_true(agg_copy_more_rows(&a, KIND_ALLOC, r, SIZE_MAX));
	assert_true(agg_copy_more_live(&a, l, SIZE_MAX));
	assert_int_equal(cow_count(r), STACKS + 1);
	assert_int_equal(cow_count(l), STACKS);
	rows = cow_elements(r);
	live = cow_elements(l);
	for (uint32_t i = 0; i < STACKS; i++) {
		assert_true(rows[1 + i].values[0] == 1);
		assert_true(rows[1 + i].values[2] == 1);
		assert_int_equal(live[i].row, 1 + i);
		assert_int_equal(live[i].born_s, 100 + i);
	}
	free(rows);
	free(live);
	cow_unref(r);
	cow_unref(l);
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moment),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_owner_ends),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
