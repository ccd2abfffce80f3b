// SPDX-License-Identifier: Apache-2.0
//
// Description: a process's own profiles: which names are taken, and objects in
// and out of them in any order.
#include "collector/agg.h"
#include "collector/profiles.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct agg a;

static void put(struct profiles *p, uint64_t number, const char *name)
{
	profiles_put(p, number, name, strlen(name));
}

static void test_names(void **state)
{
	static struct profiles p;

	(void)state;
	put(&p, 1, "conns");
	put(&p, PROFILES_MAX, "A-b_9");
	assert_int_equal(profiles_find(&p, "conns"), KIND_N);
	assert_int_equal(profiles_find(&p, "A-b_9"), KIND_N + PROFILES_MAX - 1);
	// The first name stays, and is nobody else's.
	put(&p, 1, "other");
	put(&p, 2, "conns");
	assert_int_equal(profiles_find(&p, "other"), -ENOENT);
	assert_string_equal(p.names[1], "");
	assert_int_equal(profiles_find(&p, ""), -ENOENT);
}

static void test_bad_names(void **state)
{
	static const char *const bad[] = {
		"",	   "../x",
		"a/b",	   "a b",
		"heap",	   "inuse",
		"profile", "a\xff",
		"a.b",	   "a234567890123456789012345678901234"};
	static struct profiles p, none;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		put(&p, 1, bad[i]);
	put(&p, 0, "conns");
	put(&p, PROFILES_MAX + 1, "conns");
	put(&p, UINT64_MAX, "conns");
	profiles_put(&p, 1, "conns", 0);
	assert_memory_equal(&p, &none, sizeof(p));
}

static double in(uint32_t profile, uint32_t stack)
{
	const struct agg_rows *t = agg_rows_of(&a, KIND_N + profile - 1);

	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].stack == stack)
			return t->list[i].values[0];
	return -1;
}

static void add(uint32_t profile, uint32_t stack, uint64_t id)
{
	agg_object(&a, (struct agg_key){stack, 7, 0, 0}, id, profile);
}

static void test_objects(void **state)
{
	(void)state;
	agg_init(&a);
	add(1, 10, 1);
	add(1, 10, 2);
	add(2, 10, 3);
	agg_free(&a, 1);
	assert_true(in(1, 10) == 1 && in(2, 10) == 1);
	// Its removal was read first.
	agg_free(&a, 4);
	add(2, 11, 4);
	assert_true(in(2, 11) == 0);
	// Ids are shared with memory, which is another table.
	agg_alloc(&a, (struct agg_key){10, 7, 0, 0},
		  &(struct agg_alloc){.id = 5,
				      .n_bytes = 100,
				      .rate = 1,
				      .is_tracked = true});
	agg_free(&a, 5);
	agg_free(&a, 3);
	assert_true(in(1, 10) == 1 && in(2, 10) == 0);
	assert_int_equal(agg_n_live(&a), 1);
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

static void test_no_such_profile(void **state)
{
	(void)state;
	agg_init(&a);
	add(0, 10, 1);
	add(PROFILES_MAX + 1, 10, 2);
	add(UINT32_MAX, 10, 3);
	assert_int_equal(agg_n_live(&a), 0);
	assert_null(agg_rows_of(&a, KIND_N + PROFILES_MAX));
	assert_int_equal(agg_check(&a), 0);
	agg_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_no_such_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
