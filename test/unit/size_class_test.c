// SPDX-License-Identifier: Apache-2.0
//
// Description: every size is in a class that holds it and is at most an eighth
// (or 16 bytes) larger; classes grow with sizes and are few.
#include "collector/size_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void check(uint64_t n_bytes)
{
	unsigned c = size_class_of(n_bytes);
	uint64_t largest = size_class_bytes(c);
	uint64_t slack = n_bytes / 8 > 16 ? n_bytes / 8 : 16;

	assert_true(c > 0 && c < SIZE_CLASS_N);
	assert_true(largest >= n_bytes);
	assert_true(largest - n_bytes <= slack);
	assert_int_equal(size_class_of(largest), c);
	assert_int_equal(size_class_of(largest + 1), c + 1);
}

static void test_classes(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 100000; n++)
		check(n);
	for (unsigned lg = 17; lg < 62; lg++)
		for (int d = -2; d <= 2; d++)
			check((1ull << lg) + (uint64_t)(int64_t)d);
	assert_int_equal(size_class_bytes(0), 0);
	// What nobody can have is in the largest.
	assert_true(size_class_of(UINT64_MAX) < SIZE_CLASS_N);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
