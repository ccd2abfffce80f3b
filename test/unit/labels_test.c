// SPDX-License-Identifier: Apache-2.0
//
// Sets of labels: what the shim interns, within its bounds, and what the
// collector makes of what it is told.
#include "collector/labels.h"
#include "preload/labels.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_same_labels_are_one_set(void **state)
{
	uint32_t a = labels_add(0, "k", "a"), b = labels_add(0, "k", "b");
	char key[] = "k"; // equal, at another address

	(void)state;
	assert_int_not_equal(a, 0);
	assert_int_not_equal(a, b);
	assert_int_equal(labels_add(0, key, "a"), a);
	assert_int_not_equal(labels_add(b, "k", "a"), a);
	assert_int_equal(labels_add(b, "k", "a"), labels_add(b, "k", "a"));
	// The end of a key is no part of a value.
	assert_int_not_equal(labels_add(0, "ab", "c"),
			     labels_add(0, "a", "bc"));
}

static void test_set_says_what_it_is(void **state)
{
	uint32_t a = labels_add(0, "outer", "1");
	uint32_t b = labels_add(a, "inner", "");
	struct labels_set s;

	(void)state;
	assert_true(labels_get(b, &s));
	assert_int_equal(s.parent, a);
	assert_int_equal(s.n_bytes, sizeof("inner\0"));
	assert_memory_equal(s.text, "inner\0", s.n_bytes);
	assert_false(labels_get(0, &s));
	assert_false(labels_get(LABEL_SETS_MAX, &s));
}

static void test_sent_is_of_one_collector(void **state)
{
	uint32_t a = labels_add(0, "sent", "1");

	(void)state;
	assert_false(labels_is_sent(a, 7));
	labels_set_sent(a, 7);
	assert_true(labels_is_sent(a, 7));
	assert_false(labels_is_sent(a, 8));
}

static void test_long_and_deep_is_refused(void **state)
{
	char key[LABEL_KEY_MAX_BYTES + 2], value[LABEL_VALUE_MAX_BYTES + 2];
	uint32_t set = 0;

	(void)state;
	memset(key, 'k', sizeof(key));
	memset(value, 'v', sizeof(value));
	key[sizeof(key) - 1] = value[sizeof(value) - 1] = '\0';
	assert_int_equal(labels_add(0, key, "v"), 0);
	assert_int_equal(labels_add(0, "k", value), 0);
	assert_int_equal(labels_add(0, "", "v"), 0);
	assert_int_equal(labels_add(0, NULL, "v"), 0);
	assert_int_equal(labels_add(0, "k", NULL), 0);
	assert_int_not_equal(labels_add(0, key + 1, value + 1), 0);
	for (unsigned i = 0; i < LABEL_DEPTH_MAX; i++) {
		set = labels_add(set, "deep", "er");
		assert_int_not_equal(set, 0);
	}
	assert_int_equal(labels_add(set, "deep", "er"), 0);
}

static void *add_many(void *arg)
{
	uint32_t *sets = arg;
	char value[16];

	for (int i = 0; i < 500; i++) {
		snprintf(value, sizeof(value), "%d", i);
		sets[i] = labels_add(0, "many", value);
	}
	return NULL;
}

// Two threads may make two sets of a label, but never one of two.
static void test_many_threads(void **state)
{
	static uint32_t sets[4][500];
	pthread_t t[4];
	char value[16];
	struct labels_set s;

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, add_many, sets[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 500; k++) {
			snprintf(value, sizeof(value), "%d", k);
			assert_true(labels_get(sets[i][k], &s));
			assert_string_equal(s.text + sizeof("many"), value);
		}
}

// Last: the table is full afterwards.
static void test_full_table_refuses(void **state)
{
	char value[16];
	unsigned n = 0;
	uint32_t known = labels_add(0, "k", "a");

	(void)state;
	for (unsigned i = 0; i < 2 * LABEL_SETS_MAX; i++) {
		snprintf(value, sizeof(value), "%u", i);
		n += labels_add(0, "full", value) != 0;
	}
	assert_true(n > LABEL_SETS_MAX / 2 && n < LABEL_SETS_MAX);
	assert_int_equal(labels_add(0, "k", "a"), known);
}

static void test_collector_keeps_the_first(void **state)
{
	struct labels l;
	struct snap s = {0};

	(void)state;
	labels_init(&l);
	labels_put(&l, 5, 2, "key\0value", 10);
	labels_put(&l, 5, 3, "other\0", 7);
	assert_int_equal(l.n, 6);
	assert_int_equal(labels_copy(&l, &s), 0);
	assert_int_equal(s.label_sets[5].parent, 2);
	assert_string_equal(s.label_texts + s.label_sets[5].key, "key");
	assert_string_equal(s.label_texts + s.label_sets[5].value, "value");
	assert_int_equal(s.label_sets[4].key, 0);
	free(s.label_sets);
	free(s.label_texts);
	labels_fini(&l);
}

static void test_collector_ignores_nonsense(void **state)
{
	static const char text[400] = "key";
	char many[400];
	struct labels l;

	(void)state;
	memset(many, 'x', sizeof(many));
	labels_init(&l);
	labels_put(&l, 0, 0, text, 10);
	labels_put(&l, LABEL_SETS_MAX, 0, text, 10);
	labels_put(&l, UINT64_MAX, 0, text, 10);
	labels_put(&l, 1, LABEL_SETS_MAX, text, 10);
	labels_put(&l, 1, 0, text, 0);
	labels_put(&l, 1, 0, "\0value", 7);
	labels_put(&l, 1, 0, many, sizeof(many));
	assert_int_equal(l.n, 0);
	// No NUL at all, nor a value: the label is there all the same.
	labels_put(&l, 1, 1, many, 8);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.texts + l.sets[1].key, "xxxxxxxx");
	assert_string_equal(l.texts + l.sets[1].value, "");
	labels_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_labels_are_one_set),
		cmocka_unit_test(test_set_says_what_it_is),
		cmocka_unit_test(test_sent_is_of_one_collector),
		cmocka_unit_test(test_long_and_deep_is_refused),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_full_table_refuses),
		cmocka_unit_test(test_collector_keeps_the_first),
		cmocka_unit_test(test_collector_ignores_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
