// SPDX-License-Identifier: Apache-2.0
//
// Description: a place is given back by its serial where its descriptor may be
// another's.
#include "collector/http_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_serial(void **state)
{
	static struct http_slots s;
	uint64_t older;

	(void)state;
	http_slots_init(&s);
	assert_int_equal(http_slots_take(&s, 7, true, 0), 0);
	older = http_slots_serial(&s, 7);
	// 7 was closed and is somebody else's.
	assert_int_equal(http_slots_take(&s, 7, false, 1), 0);
	assert_false(http_slots_is_tcp(&s, 7));
	http_slots_leave_serial(&s, older);
	assert_false(http_slots_is_tcp(&s, 7));
	assert_int_not_equal(http_slots_serial(&s, 7), older);
	http_slots_leave(&s, 7);
	assert_int_equal(http_slots_serial(&s, 7), 0);
	http_slots_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
