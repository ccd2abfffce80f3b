// SPDX-License-Identifier: Apache-2.0
//
// Description: a buffer grows, keeps its bytes and a NUL behind them, and its
// first error sticks.
#include "collector/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_append(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	assert_null(b.data);
	buf_put(&b, "a\0b", 3);
	buf_puts(&b, "cd");
	buf_printf(&b, "-%d-%s", 42, "x");
	assert_int_equal(b.n_bytes, 10);
	assert_memory_equal(b.data, "a\0bcd-42-x", 11);
	buf_clear(&b);
	assert_int_equal(b.n_bytes, 0);
	buf_puts(&b, "new");
	assert_string_equal(b.data, "new");
	assert_int_equal(buf_error(&b), 0);
	buf_fini(&b);
	assert_null(b.data);
}

static void test_growth(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	for (int i = 0; i < 100000; i++)
		buf_printf(&b, "%06d", i);
	assert_int_equal(b.n_bytes, 600000);
	assert_memory_equal(b.data + 6 * 77777, "077777", 6);
	assert_int_equal(strlen(b.data), 600000);
	buf_fini(&b);
}

static void test_error_sticks(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b);
	buf_puts(&b, "kept");
	buf_put(&b, "x", SIZE_MAX);
	assert_int_equal(buf_error(&b), -EFBIG);
	buf_puts(&b, "dropped");
	assert_string_equal(b.data, "kept");
	assert_int_equal(buf_error(&b), -EFBIG);
	buf_clear(&b);
	buf_puts(&b, "again");
	assert_int_equal(buf_error(&b), 0);
	assert_string_equal(b.data, "again");
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_error_sticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
