// SPDX-License-Identifier: Apache-2.0
//
// Every default in settings.def is readable; values are read with their units
// and nothing else is accepted.
#include "proto/kind.h"
#include "proto/setting.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 0x5a5a5a5aull

static void test_defaults_are_readable(void **unused)
{
	(void)unused;
	for (int i = 0; i < SETTING_N; i++) {
		const struct setting_info *s = &setting_table[i];
		uint64_t v;

		assert_int_equal(setting_parse(s->type, s->def, &v), 0);
		assert_non_null(setting_allowed(s->type));
		assert_int_equal(strncmp(s->env, "CPROF", 5), 0);
	}
}

static void good(enum setting_type type, const char *text, uint64_t want)
{
	uint64_t v = UNTOUCHED;

	assert_int_equal(setting_parse(type, text, &v), 0);
	assert_int_equal(v, want);
}

static void bad(enum setting_type type, const char *text)
{
	uint64_t v = UNTOUCHED;

	assert_int_equal(setting_parse(type, text, &v), -EINVAL);
	assert_int_equal(v, UNTOUCHED);
}

static void test_good_values(void **unused)
{
	(void)unused;
	good(VALUE_SIZE, "512k", 524288);
	good(VALUE_SIZE, "1", 1);
	good(VALUE_SIZE, "2G", 2ull << 30);
	good(VALUE_TIME, "100us", 100000);
	good(VALUE_TIME, "0", 0);
	good(VALUE_TIME, "2h", 7200000000000ull);
	good(VALUE_HZ, "10000", 10000);
	good(VALUE_SIGNAL, "SIGUSR2", SIGUSR2);
	good(VALUE_SIGNAL, "none", 0);
	good(VALUE_SIGNAL, "34", 34);
	good(VALUE_QUIET, "SIGWINCH", SIGWINCH);
	good(VALUE_QUIET, "23", SIGURG);
	good(VALUE_QUIET, "none", 0);
	good(VALUE_KINDS, "all", (1u << KIND_N) - 1);
	good(VALUE_KINDS, "heap,profile", 1u << KIND_INUSE | 1u << KIND_CPU);
	good(VALUE_FOLLOW, "exec", FOLLOW_EXEC);
	good(VALUE_LABELS, "a=b,c=d", 0);
	good(VALUE_SWITCH, "off", 0);
}

static void test_bad_values(void **unused)
{
	static const char *const sizes[] = {"",	    " 1",
					    "-1",   "1kb",
					    "k",    "1.5",
					    "0x10", "99999999999999999999"};

	(void)unused;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		bad(VALUE_SIZE, sizes[i]);
	bad(VALUE_SIZE, "18446744073709551615G");
	bad(VALUE_TIME, "5");
	bad(VALUE_TIME, "5 s");
	bad(VALUE_HZ, "10001");
	bad(VALUE_DEPTH, "0");
	bad(VALUE_SIGNAL, "SIGNONE1");
	bad(VALUE_SIGNAL, "65");
	bad(VALUE_SIGNAL, "9");
	bad(VALUE_SIGNAL, "11");
	bad(VALUE_SIGNAL, "32");
	bad(VALUE_QUIET, "SIGTERM");
	bad(VALUE_QUIET, "SIGPROF");
	bad(VALUE_QUIET, "SIGCHLD");
	bad(VALUE_QUIET, "34");
	bad(VALUE_KINDS, "heap,");
	bad(VALUE_KINDS, "nope");
	bad(VALUE_LABELS, "a");
	bad(VALUE_LABELS, "a=,b=c");
	bad(VALUE_LABELS, "a=b,");
	bad(VALUE_TRANSPORT, "pipe");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_readable),
		cmocka_unit_test(test_good_values),
		cmocka_unit_test(test_bad_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
