// SPDX-License-Identifier: Apache-2.0
//
// The shim writes Hello without a protobuf library; protobuf-c must read from
// its bytes what went in.
#include "preload/conf.h"
#include "preload/hello.h"
#include "preload/text.h"
#include "proto/cprof.pb-c.h"
#include "proto/limits.h"
#include "proto/version.h"
#include "proto/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static Cprof__Hello *decode(const unsigned char *bytes, long n)
{
	struct wire_header h;

	assert_true(n > (long)sizeof(h));
	memcpy(&h, bytes, sizeof(h));
	assert_int_equal(h.magic, WIRE_MAGIC);
	assert_int_equal(h.version, PROTO_VERSION);
	assert_int_equal(h.type, WIRE_HELLO);
	assert_int_equal(h.length_bytes, n - (long)sizeof(h));
	return cprof__hello__unpack(NULL, h.length_bytes, bytes + sizeof(h));
}

static void test_hello_round_trip(void **unused)
{
	static unsigned char bytes[WIRE_MESSAGE_MAX_BYTES];
	static const char *const warnings[] = {"w1", "w2", NULL};
	struct hello in = {.pid = 70000,
			   .parent_pid = 300,
			   .start_time_ns = 1234567890123456789ull,
			   .program_start = 0x555555554000,
			   .warnings = warnings};
	Cprof__Hello *out;
	char cwd[4096];

	(void)unused;
	setenv("CPROF_HEAP_RATE", "1", 1);
	setenv("CPROF_CPU_HZ", "many", 1);
	setenv("CPROF_DIR", "/tmp/%{FLAVOUR}/%p", 1);
	setenv("FLAVOUR", "mint", 1);
	setenv("CPROF_LABELS", "a=b", 1);
	conf_init();
	out = decode(bytes, hello_write(&in, bytes, sizeof(bytes)));
	assert_non_null(out);
	assert_int_equal(out->pid, 70000);
	assert_true(out->is_fork);
	assert_int_equal(out->parent_pid, 300);
	assert_int_equal(out->start_time_ns, 1234567890123456789ull);
	assert_int_equal(out->program_start, 0x555555554000);
	assert_int_equal(out->heap_rate, 1);
	assert_int_equal(out->cpu_hz, 100);
	assert_string_equal(out->dir, "/tmp/%{FLAVOUR}/%p");
	assert_string_equal(out->cwd, getcwd(cwd, sizeof(cwd)));
	assert_string_equal(out->labels, "a=b");
	assert_int_equal(out->n_environment, 1);
	assert_string_equal(out->environment[0], "FLAVOUR=mint");
	assert_int_equal(out->n_warnings, 2);
	assert_string_equal(out->warnings[1], "w2");
	assert_int_equal(out->n_bad_settings, 1);
	assert_string_equal(out->bad_settings[0]->name, "CPROF_CPU_HZ");
	assert_string_equal(out->bad_settings[0]->value, "many");
	assert_string_equal(out->bad_settings[0]->allowed, "0 to 10000");
	assert_true(out->cmdline.len > 0);
	cprof__hello__free_unpacked(out, NULL);
}

static void test_too_small_a_buffer(void **unused)
{
	static const char *const warnings[] = {NULL};
	struct hello in = {.pid = 1, .warnings = warnings};
	unsigned char bytes[64];

	(void)unused;
	assert_int_equal(hello_write(&in, bytes, sizeof(bytes)), -EMSGSIZE);
}

static void test_text_is_cut_not_longer(void **unused)
{
	char bytes[8];
	struct text t;

	(void)unused;
	text_init(&t, bytes, sizeof(bytes));
	text_add(&t, "ab");
	text_add_number(&t, 1234567890);
	assert_string_equal(bytes, "ab12345");
	assert_true(t.is_cut);
	text_init(&t, bytes, sizeof(bytes));
	text_add_number(&t, 0);
	assert_string_equal(bytes, "0");
	assert_false(t.is_cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello_round_trip),
		cmocka_unit_test(test_too_small_a_buffer),
		cmocka_unit_test(test_text_is_cut_not_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
