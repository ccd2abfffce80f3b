// SPDX-License-Identifier: Apache-2.0
//
// Description: names of C++ and Rust become readable, others stay, and one made
// so that its text doubles with each part is left alone, at once.
#include "collector/demangle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(char *got, const char *wanted)
{
	assert_non_null(got);
	assert_string_equal(got, wanted);
	free(got);
}

static void test_names(void **unused)
{
	(void)unused;
	check(demangle("_ZN3foo3barIiEEvT_S1_"),
	      "void foo::bar<int>(int, int)");
	check(demangle_short("_ZN3foo3barIiEEvT_S1_"), "foo::bar<int>");
	check(demangle("_ZN4core3fmt5write17h0123456789abcdefE"),
	      "core::fmt::write");
	check(demangle("_RNvCs1234_7mycrate3foo"), "mycrate::foo");
	assert_null(demangle("main"));
	assert_null(demangle("_start"));
	assert_null(demangle("_Z"));
	assert_null(demangle("_ZN3fooE3bar!"));
	assert_null(demangle(""));
}

// Digits of N in base BASE as mangling counts: "" is 0, "0" is 1.
static void put_count(char *name, unsigned n, unsigned base)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char text[16];
	int at = sizeof(text) - 1;

	text[at] = '\0';
	if (n) {
		n--;
		do {
			text[--at] = digits[n % base];
			n /= base;
		} while (n);
	}
	// C++ has upper case digits.
	for (int i = at; base == 36 && text[i]; i++)
		if (text[i] >= 'a')
			text[i] = (char)(text[i] - 'a' + 'A');
	strcat(name, text + at);
}

// A pair of the pair before, twice, and so on.
static void make_cxx(char *name, unsigned n_doublings)
{
	strcpy(name, "_Z1fSt4pairIiiE");
	for (unsigned i = 1; i <= n_doublings; i++) {
		strcat(name, "S_I");
		for (int k = 0; k < 2; k++) {
			strcat(name, "S");
			put_count(name, i, 36);
			strcat(name, "_");
		}
		strcat(name, "E");
	}
}

static void make_rust(char *name, unsigned n_doublings)
{
	size_t at = strlen("INvC1a1f");

	strcpy(name, "_RINvC1a1fTllE");
	for (unsigned i = 0; i < n_doublings; i++) {
		size_t next = strlen(name) - 2;

		strcat(name, "T");
		for (int k = 0; k < 2; k++) {
			strcat(name, "B");
			put_count(name, (unsigned)at, 62);
			strcat(name, "_");
		}
		strcat(name, "E");
		at = next;
	}
	strcat(name, "E");
}

static void check_doublings(void (*make)(char *name, unsigned n))
{
	static const unsigned many[] = {20, 40, 60};
	char name[4096];
	size_t n_bytes = 0;

	// Each is twice the one before, and one more.
	for (unsigned n = 2; n < 8; n++) {
		char *text;

		make(name, n);
		text = demangle(name);
		assert_non_null(text);
		assert_true(strlen(text) > 3 * n_bytes / 2);
		n_bytes = strlen(text);
		free(text);
	}
	for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++) {
		make(name, many[i]);
		assert_null(demangle(name));
		free(demangle_short(name)); // has no parameters to double
	}
}

static void test_doubling_names(void **unused)
{
	(void)unused;
	check_doublings(make_cxx);
	check_doublings(make_rust);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_doubling_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
