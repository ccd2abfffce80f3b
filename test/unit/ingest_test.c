// SPDX-License-Identifier: Apache-2.0
//
// Description: each type of record adds what it stands for: ticks, waits kept
// by chance, fractions, remainders, names, stacks by frames and by hash; and
// where there was no memory to begin with, nothing.
#include "collector/ingest.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct ingest in;

static int setup(void **state)
{
	(void)state;
	return ingest_init(&in, NULL, 4);
}

static int teardown(void **state)
{
	(void)state;
	ingest_fini(&in);
	return 0;
}

static void give(struct record h, const void *payload, size_t n_payload)
{
	static union ringread_record r;

	h.size_bytes = (uint32_t)(sizeof(h) + ((n_payload + 7) & ~(size_t)7));
	memset(&r, 0, sizeof(r));
	r.header = h;
	if (n_payload)
		memcpy(r.bytes + sizeof(h), payload, n_payload);
	assert_int_equal(ringread_check(&r, h.size_bytes), 0);
	ingest_record(&in, &r);
}

static void give_frames(struct record h, uint32_t n, uint64_t first)
{
	struct {
		struct record_frames head;
		uint64_t pcs[16];
	} p = {{.hash = first << 8, .n_frames = n}, {0}};

	for (uint32_t i = 0; i < n; i++)
		p.pcs[i] = first + i * 10;
	h.form = FORM_FRAMES;
	give(h, &p, sizeof(p.head) + n * sizeof(uint64_t));
}

static const struct agg_rows *table(enum agg_table t)
{
	return &in.agg.tables[t];
}

// The values of STACK in a table, summed over threads.
static double sum(enum agg_table t, uint32_t stack, int value)
{
	double n = 0;

	for (size_t i = 0; i < table(t)->n; i++)
		if (table(t)->list[i].stack == stack)
			n += table(t)->list[i].values[value];
	return n;
}

static void test_cpu(void **state)
{
	const struct record h = {.type = RECORD_CPU,
				 .tid = 9,
				 .value = 3,
				 .aux = 10000000,
				 .flags = RECORD_SIGNAL};

	(void)state;
	give(h, NULL, 0);
	give(h, NULL, 0);
	assert_true(sum(AGG_CPU, FRAME_UNKNOWN, 0) == 6);
	assert_true(sum(AGG_CPU, FRAME_UNKNOWN, 1) == 60000000);
	assert_int_equal(in.n_worth, 2);
}

// An hour in one tick was not spent in one place.
static void test_cpu_late(void **state)
{
	struct record h = {
		.type = RECORD_CPU, .tid = 9, .value = 360000, .aux = 10000000};

	(void)state;
	give(h, NULL, 0);
	assert_true(sum(AGG_CPU, FRAME_UNKNOWN, 0) == 1000);
	assert_true(sum(AGG_CPU, FRAME_SIGNAL_BLOCKED, 0) == 359000);
	assert_true(sum(AGG_CPU, FRAME_SIGNAL_BLOCKED, 1) == 3.59e12);
	// What ended threads left is a sum and stays whole.
	h.flags = RECORD_REMAINDER;
	give(h, NULL, 0);
	assert_true(sum(AGG_CPU, FRAME_UNKNOWN, 0) == 361000);
	// Numbers no machine has do no harm.
	h.value = h.aux = UINT64_MAX;
	give(h, NULL, 0);
	assert_true(isfinite(sum(AGG_CPU, FRAME_UNKNOWN, 1)));
}

static void test_block(void **state)
{
	struct record h = {
		.type = RECORD_BLOCK, .tid = 9, .value = 250, .aux = 1000};

	(void)state;
	give(h, NULL, 0); // kept with probability 1/4: stands for 4 of 250
	assert_true(sum(AGG_BLOCK, FRAME_UNKNOWN, 0) == 4);
	assert_true(sum(AGG_BLOCK, FRAME_UNKNOWN, 1) == 1000);
	h.value = 5000;
	give(h, NULL, 0);
	h.value = 3, h.aux = 1; // every wait is kept
	give(h, NULL, 0);
	assert_true(sum(AGG_BLOCK, FRAME_UNKNOWN, 0) == 6);
	assert_true(sum(AGG_BLOCK, FRAME_UNKNOWN, 1) == 6003);
	h.value = 0, h.aux = 1000;
	give(h, NULL, 0);
	assert_true(isfinite(sum(AGG_BLOCK, FRAME_UNKNOWN, 0)));
}

static void test_mutex(void **state)
{
	struct record h = {
		.type = RECORD_MUTEX, .tid = 9, .value = 70, .aux = 10};

	(void)state;
	give(h, NULL, 0);
	h.aux = 0;
	give(h, NULL, 0);
	assert_true(sum(AGG_MUTEX, FRAME_UNKNOWN, 0) == 11);
	assert_true(sum(AGG_MUTEX, FRAME_UNKNOWN, 1) == 770);
}

static void test_thread(void **state)
{
	struct record h = {.type = RECORD_THREAD,
			   .tid = 9,
			   .value = 9,
			   .flags = RECORD_MAIN};

	(void)state;
	give(h, NULL, 0);
	assert_int_equal(in.n_worth, 0); // that alone is worth no file
	h.flags = 0, h.value = 10;
	give(h, NULL, 0);
	assert_int_equal(in.n_worth, 1);
	assert_true(sum(AGG_THREADCREATE, FRAME_UNKNOWN, 0) == 2);
	assert_int_equal(in.threads.n, 2);
}

static void test_names(void **state)
{
	struct record h = {.type = RECORD_THREAD_NAME,
			   .form = FORM_TEXT,
			   .tid = 9,
			   .value = 10};

	(void)state;
	give(h, "pool-1", 6);
	h.type = RECORD_THREAD_END;
	give(h, "main", 4);
	assert_string_equal(in.threads.list[0].name, "pool-1");
	assert_string_equal(in.threads.list[1].name, "main");
	assert_false(in.threads.ended[0]);
	assert_true(in.threads.ended[1]);
}

static void test_frames(void **state)
{
	struct record h = {.type = RECORD_ALLOC,
			   .tid = 9,
			   .value = 100,
			   .aux = 1,
			   .id = 1};
	const struct snap_stack *st;
	uint64_t hash = 5000 << 8;

	(void)state;
	give_frames(h, 3, 5000);
	assert_int_equal(in.stacks.n, FRAME_PSEUDO_N + 1);
	st = &in.stacks.list[FRAME_PSEUDO_N];
	assert_int_equal(st->n, 3);
	// Return addresses: the call is one byte before.
	assert_int_equal(in.stacks.frames[st->first].addr, 4999);
	assert_int_equal(in.stacks.frames[st->first + 2].addr, 5019);
	h.form = FORM_HASH, h.id = 2;
	give(h, &hash, sizeof(hash));
	assert_int_equal(in.n_waiting, 0);
	assert_int_equal(in.stacks.n, FRAME_PSEUDO_N + 1);
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 0) == 2);
	hash++, h.id = 3;
	hash = 77 << 8;
	give(h, &hash, sizeof(hash));
	// It waits: its stack may lie in a ring that is read later.
	ingest_waiting(&in, false);
	assert_int_equal(in.n_unknown_hashes, 0);
	ingest_waiting(&in, false);
	assert_int_equal(in.n_unknown_hashes, 1);
	assert_true(sum(AGG_HEAP, FRAME_UNKNOWN, 0) == 1);
}

// The stack comes after the records that name it by its hash.
static void test_waiting(void **state)
{
	struct record h = {.type = RECORD_ALLOC,
			   .form = FORM_HASH,
			   .tid = 9,
			   .value = 100,
			   .aux = 1,
			   .id = 1};
	uint64_t hash = 5000 << 8;

	(void)state;
	give(h, &hash, sizeof(hash));
	ingest_waiting(&in, false);
	assert_int_equal(in.n_waiting, 1);
	h.id = 2;
	give_frames(h, 3, 5000);
	ingest_waiting(&in, false);
	assert_int_equal(in.n_waiting, 0);
	assert_int_equal(in.n_unknown_hashes, 0);
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 0) == 2);
	h.form = FORM_HASH, h.id = 3;
	hash = 77 << 8;
	give(h, &hash, sizeof(hash));
	ingest_waiting(&in, true);
	assert_int_equal(in.n_unknown_hashes, 1);
}

static void give_brief(const void *bytes, size_t n_bytes)
{
	static union ringread_record r;

	memset(&r, 0xff, sizeof(r));
	memcpy(&r, bytes, n_bytes);
	assert_int_equal(ringread_check(&r, n_bytes), 0);
	ingest_record(&in, &r);
}

// Exact mode's brief records are what the long ones are: also where the stack
// comes later, or never.
static void test_brief(void **state)
{
	struct record_alloc a = {.size_bytes = sizeof(a),
				 .type = RECORD_ALLOC,
				 .form = FORM_BRIEF,
				 .tid = 9,
				 .n_bytes = 100,
				 .id = 1,
				 .hash = 5000 << 8};
	struct record_free f = {.size_bytes = sizeof(f),
				.type = RECORD_FREE,
				.form = FORM_BRIEF,
				.id = 1};
	const struct record h = {
		.type = RECORD_ALLOC, .tid = 9, .value = 30, .aux = 1, .id = 2};

	(void)state;
	give_brief(&a, sizeof(a));
	assert_int_equal(in.n_waiting, 1);
	give_frames(h, 3, 5000);
	ingest_waiting(&in, false);
	assert_int_equal(in.n_waiting, 0);
	a.id = 3, a.tid = 10;
	give_brief(&a, sizeof(a));
	assert_int_equal(in.n_waiting, 0);
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 0) == 3);
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 1) == 230);
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 3) == 230);
	give_brief(&f, sizeof(f));
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 1) == 230);
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 2) == 2);
	assert_true(sum(AGG_HEAP, FRAME_PSEUDO_N, 3) == 130);
	assert_int_equal(in.n_records[RECORD_ALLOC], 3);
	assert_int_equal(in.n_records[RECORD_FREE], 1);
	assert_int_equal(in.n_worth, 3);
	a.id = 4, a.hash = 77 << 8;
	give_brief(&a, sizeof(a));
	ingest_waiting(&in, true);
	assert_int_equal(in.n_unknown_hashes, 1);
	assert_true(sum(AGG_HEAP, FRAME_UNKNOWN, 3) == 100);
}

// Four frames are kept at most here; what is cut says so.
static void test_depth(void **state)
{
	const struct record h = {.type = RECORD_CPU, .tid = 9, .value = 1};
	const struct snap_stack *st;
	const struct frame *last;

	(void)state;
	give_frames(h, 4, 5000);
	give_frames(h, 9, 5000);
	assert_int_equal(in.stacks.n, FRAME_PSEUDO_N + 2);
	st = &in.stacks.list[FRAME_PSEUDO_N];
	assert_int_equal(in.stacks.frames[st->first].addr, 4999);
	st++;
	assert_int_equal(st->n, 4);
	last = &in.stacks.frames[st->first + 3];
	assert_int_equal(last->image, FRAME_PSEUDO);
	assert_int_equal(last->addr, FRAME_TRUNCATED);
	assert_int_equal(in.n_truncated, 1);
}

static void test_others(void **state)
{
	const uint64_t words[COUNTER_N + 5] = {[COUNTER_RING_FULL] = 6};
	struct record h = {.type = RECORD_COUNTERS, .form = FORM_WORDS};

	(void)state;
	give(h, words, sizeof(words));
	assert_int_equal(in.counters[COUNTER_RING_FULL], 6);
	h.form = FORM_NONE, h.type = RECORD_DUMP, h.value = 1;
	give(h, NULL, 0);
	h.type = RECORD_GOODBYE;
	give(h, NULL, 0);
	h.type = RECORD_N;
	give(h, NULL, 0);
	assert_int_equal(in.n_dumps, 1);
	assert_true(in.is_goodbye);
	assert_int_equal(in.n_unknown_records, 1);
}

// As after an ingest_init() that failed: records come all the same.
static void test_no_memory(void **state)
{
	const struct record h = {.type = RECORD_CPU, .value = 1};

	(void)state;
	ingest_fini(&in);
	for (uint64_t i = 1; i < 1000; i++)
		give_frames(h, 3, i << 20);
	ingest_waiting(&in, true);
	assert_int_equal(in.stacks.n, 0);
	assert_int_equal(ingest_fold(&in), -ENOMEM);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cpu),	   TEST(test_cpu_late), TEST(test_block),
		TEST(test_mutex),  TEST(test_thread),	TEST(test_names),
		TEST(test_frames), TEST(test_waiting),	TEST(test_brief),
		TEST(test_depth),  TEST(test_others),	TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
