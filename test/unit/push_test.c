// SPDX-License-Identifier: Apache-2.0
//
// Description: what goes to a server: names that it can read, whatever a
// process is called; items that come back from the disk as they were, or not at
// all; a spool that keeps the newest when there is no room.
#include "collector/push_item.h"
#include "collector/push_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void check_name(const char *comm, const char *labels, const char *wanted)
{
	const struct push_source source = {comm, 7, "host", labels};
	char *name = push_item_name(&source);

	assert_string_equal(name, wanted);
	free(name);
}

static void test_name(void **state)
{
	(void)state;
	check_name("app", "", "app{hostname=host,pid=7}");
	check_name("a {b},\n", "", "a__b___{hostname=host,pid=7}");
	check_name("", "", "unnamed{hostname=host,pid=7}");
	check_name("app", "zone=eu 1,empty=",
		   "app{hostname=host,pid=7,"
		   "zone=eu 1,empty=}");
	check_name("app", "x={},service_name=web/api",
		   "web/api{hostname=host,pid=7,x=__}");
	check_name("app", "flag,=odd,", "app{hostname=host,pid=7,flag=}");
}

static void make_item(struct buf *b, const char *profile, size_t n)
{
	struct push_item i = {.name = (char *)"app{pid=7}",
			      .from_ns = 1000000000000000001,
			      .until_ns = 1000000000000000002,
			      .cpu_hz = 100};

	buf_init(b);
	push_item_write(&i, KIND_BLOCK, b);
	buf_put(b, profile, n);
	assert_int_equal(buf_error(b), 0);
}

static void test_item(void **state)
{
	struct push_item i;
	struct buf b;

	(void)state;
	make_item(&b, "a\n\0b", 4);
	assert_int_equal(push_item_read(b.data, b.n_bytes, &i), 0);
	assert_string_equal(i.name, "app{pid=7}");
	assert_int_equal(i.from_ns, 1000000000000000001);
	assert_int_equal(i.until_ns, 1000000000000000002);
	assert_int_equal(i.cpu_hz, 100);
	assert_int_equal(i.profile_bytes, 4);
	assert_memory_equal(i.profile, "a\n\0b", 4);
	assert_non_null(strstr(i.config, "\"block_duration\""));
	push_item_free(&i);
	// Cut anywhere in its line it is none.
	for (size_t n = 0; n < b.n_bytes - 4; n++)
		assert_int_equal(push_item_read(b.data, n, &i), -EINVAL);
	buf_fini(&b);
}

static void fill(struct push_spool *s, size_t n_items, size_t n_bytes)
{
	for (size_t i = 0; i < n_items; i++) {
		struct buf b;

		buf_init(&b);
		for (size_t n = 0; n < n_bytes; n++)
			buf_put(&b, &(char){(char)('a' + i)}, 1);
		assert_int_equal(push_spool_put(s, &b), 0);
		buf_fini(&b);
	}
}

static void check_item(struct push_spool *s, const char *name, char wanted)
{
	struct buf b;

	buf_init(&b);
	assert_int_equal(push_spool_get(s, name, &b), 0);
	assert_int_equal(b.data[0], wanted);
	buf_fini(&b);
}

static void test_spool(void **state)
{
	const char *dir = "push_spool";
	struct push_status status = {0};
	struct push_names names;
	struct push_spool s;

	(void)state;
	assert_int_equal(push_spool_open(dir, 1000, &status, &s), 0);
	fill(&s, 5, 300);
	assert_int_equal(status.x_dropped, 2);
	assert_int_equal(status.x_spool_files, 3);
	assert_int_equal(status.x_spool_bytes, 900);
	push_spool_close(&s);

	// Another collector finds them, oldest first.
	status = (struct push_status){0};
	assert_int_equal(push_spool_open(dir, 1000, &status, &s), 0);
	assert_int_equal(status.x_spool_bytes, 900);
	assert_int_equal(push_spool_names(&s, &names), 0);
	assert_int_equal(names.n, 3);
	for (size_t i = 0; i < names.n; i++)
		check_item(&s, names.list[i], (char)('c' + i));
	for (size_t i = 0; i < names.n; i++)
		push_spool_remove(&s, names.list[i]);
	// The other side may have been first.
	push_spool_remove(&s, names.list[0]);
	assert_int_equal(status.x_spool_bytes, 0);
	assert_int_equal(status.x_spool_files, 0);
	push_names_free(&names);
	push_spool_close(&s);

	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(push_spool_open(dir, 1000, &status, &s), -EPERM);
}

// What was set aside is not sent, takes room, and goes when there is none.
static void test_aside(void **state)
{
	struct push_status status = {0};
	char aside[PUSH_NAME_BYTES];
	struct push_names names;
	struct push_spool s;

	(void)state;
	assert_int_equal(push_spool_open("push_aside", 1000, &status, &s), 0);
	fill(&s, 3, 300);
	assert_int_equal(push_spool_names(&s, &names), 0);
	assert_int_equal(push_spool_set_aside(&s, names.list[0], aside), 0);
	push_names_free(&names);
	check_item(&s, aside, 'a');
	assert_int_equal(status.x_set_aside, 1);
	assert_int_equal(push_spool_names(&s, &names), 0);
	assert_int_equal(names.n, 2);
	push_names_free(&names);
	push_spool_close(&s);

	status = (struct push_status){0};
	assert_int_equal(push_spool_open("push_aside", 1000, &status, &s), 0);
	assert_int_equal(status.x_spool_bytes, 900);
	fill(&s, 1, 300);
	assert_int_equal(status.x_dropped, 1);
	assert_int_equal(status.x_spool_bytes, 900);
	assert_int_equal(faccessat(s.dir_fd, aside, F_OK, 0), -1);
	push_spool_close(&s);
}

static void check_sending(struct push_spool *s, const char *name,
			  const char *wanted)
{
	char got[PUSH_NAME_BYTES];
	size_t n = strlen(name) + 1;

	// Without an end, when there is no room for it.
	memcpy(s->status->sending, name,
	       n < PUSH_NAME_BYTES ? n : PUSH_NAME_BYTES);
	push_spool_take_sending(s, got);
	assert_string_equal(got, wanted);
	assert_int_equal(*s->status->sending, '\0');
}

// Whoever writes it may be in a stranger's hands.
static void test_sending(void **state)
{
	static const char *const bad[] = {
		"x",
		".push",
		"../../x",
		"../1234567890123456789-1234567890.push",
		"1234567890123456789-1234567890.pus",
		"1234567890123456789-1234567890.push\n",
		"1234567890123456789-1234567890.aside",
		"123456789012345678901234567890123456789012345678901234567890",
	};
	const char *good = "1234567890123456789-1234567890.push";
	struct push_status status = {0};
	char aside[PUSH_NAME_BYTES];
	struct push_spool s;

	(void)state;
	assert_int_equal(push_spool_open("push_sending", 1000, &status, &s), 0);
	check_sending(&s, "", "");
	check_sending(&s, good, good);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check_sending(&s, bad[i], "");
		assert_int_equal(push_spool_set_aside(&s, bad[i], aside),
				 -EINVAL);
	}
	assert_int_equal(push_spool_set_aside(&s, good, aside), -ENOENT);
	push_spool_close(&s);
}

int main(void)
{
	const char *tmp = getenv("CPROF_TEST_TMP");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),	cmocka_unit_test(test_item),
		cmocka_unit_test(test_spool),	cmocka_unit_test(test_aside),
		cmocka_unit_test(test_sending),
	};

	if (tmp && chdir(tmp))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
