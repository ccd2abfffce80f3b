// SPDX-License-Identifier: Apache-2.0
//
// Description: the hash map against a plain array, through random puts and
// removals, with its invariants checked on the way.
#include "collector/hmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define N_KEYS	2000
#define N_STEPS 200000

static void test_against_array(void **state)
{
	static uint64_t model[N_KEYS + 1]; // 0: not in the map
	struct hmap m;
	size_t n = 0;

	(void)state;
	hmap_init(&m);
	srandom(1);
	for (int i = 0; i < N_STEPS; i++) {
		uint64_t key = 1 + (uint64_t)random() % N_KEYS;
		uint64_t value = 1 + (uint64_t)random();
		uint64_t old = 0;
		uint64_t *found = hmap_get(&m, key);

		assert_int_equal(found ? *found : 0, model[key]);
		if (random() % 3) {
			assert_int_equal(hmap_put(&m, key, value), 0);
			n += !model[key];
			model[key] = value;
		} else {
			assert_int_equal(hmap_remove(&m, key, &old),
					 model[key] != 0);
			assert_int_equal(old, model[key]);
			n -= model[key] != 0;
			model[key] = 0;
		}
		assert_int_equal(m.count, n);
		if (i % 1000 == 0)
			assert_int_equal(hmap_check(&m), 0);
	}
	hmap_fini(&m);
}

static void test_empty(void **state)
{
	struct hmap m;

	(void)state;
	hmap_init(&m);
	assert_null(hmap_get(&m, 1));
	assert_null(hmap_get(&m, 0));
	assert_false(hmap_remove(&m, 1, NULL));
	assert_int_equal(hmap_bytes(&m), 0);
	assert_int_equal(hmap_check(&m), 0);
	hmap_fini(&m);
}

static void test_hash(void **state)
{
	const char text[] = "0123456789abcdef0";

	(void)state;
	assert_int_equal(hmap_hash(text, 17), hmap_hash(text, 17));
	assert_int_not_equal(hmap_hash(text, 17), hmap_hash(text, 16));
	assert_int_not_equal(hmap_hash(text, 8), hmap_hash(text + 8, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_against_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
