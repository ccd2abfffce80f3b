// SPDX-License-Identifier: Apache-2.0
//
// Description: bytes that are no UTF-8 are replaced, one by one, and nothing
// else is; so no name of a stranger makes a profile unreadable.
#include "collector/threads.h"
#include "collector/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text;
	const char *mended;
} cases[] = {
	{"", ""},
	{"plain \x7f", "plain \x7f"},
	{"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
	{"\xe2\x82\xac \xf0\x9f\x98\x80", "\xe2\x82\xac \xf0\x9f\x98\x80"},
	{"\xef\xbf\xbf\xf4\x8f\xbf\xbf", "\xef\xbf\xbf\xf4\x8f\xbf\xbf"},
	{"a\x80z", "a?z"},	      // a tail without its lead
	{"caf\xc3", "caf?"},	      // cut
	{"\xe2\x82", "??"},	      // cut later
	{"\xe2\x82z", "??z"},	      // interrupted
	{"\xc0\xaf", "??"},	      // '/' in two bytes
	{"\xe0\x80\xaf", "???"},      // in three
	{"\xed\xa0\x80", "???"},      // a surrogate
	{"\xf4\x90\x80\x80", "????"}, // over U+10FFFF
	{"\xff\xfe", "??"},
	{"\xf0\xc3\xa9", "?\xc3\xa9"}, // the next begins in its tail
};

static void test_cases(void **state)
{
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		strcpy(text, cases[i].text);
		assert_int_equal(utf8_is_valid(text),
				 !strcmp(text, cases[i].mended));
		utf8_mend(text);
		assert_string_equal(text, cases[i].mended);
	}
}

static void test_random(void **state)
{
	char text[64];

	(void)state;
	srand(1);
	for (int round = 0; round < 100000; round++) {
		size_t n = (size_t)rand() % sizeof(text);

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(rand() % 255 + 1);
		text[n] = '\0';
		utf8_mend(text);
		assert_true(utf8_is_valid(text));
		assert_int_equal(strlen(text), n);
	}
}

// A name of seven two-byte letters and a half.
static void test_thread_name_is_cut(void **state)
{
	struct threads t;

	(void)state;
	threads_init(&t);
	threads_name(&t, 1,
		     "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		     "\xc3\xa9\xc3\xa9",
		     16);
	assert_string_equal(t.list[0].name,
			    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			    "\xc3\xa9?");
	threads_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_thread_name_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
