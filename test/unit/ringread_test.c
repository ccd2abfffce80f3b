// SPDX-License-Identifier: Apache-2.0
//
// Description: records come out of a stripe as they went in, also around its
// end; absurd heads, sizes and payloads are given up and counted, and reading
// goes on behind them.
#include "collector/ringread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STRIPE_BYTES 65536u
#define RECORD_BYTES ((uint32_t)sizeof(struct record))

static struct {
	_Alignas(CACHELINE) unsigned char bytes[sizeof(struct stripe) +
						STRIPE_BYTES];
} memory;
static struct stripe *const stripe = (struct stripe *)memory.bytes;
static union ringread_record got;

static struct ringread fresh(void)
{
	struct ringread r;

	memset(&memory, 0, sizeof(memory));
	ringread_init(&r, stripe, STRIPE_BYTES);
	return r;
}

static void put_bytes(const void *bytes, size_t n_bytes)
{
	memcpy(stripe->data + stripe->x_head % STRIPE_BYTES, bytes, n_bytes);
	stripe->x_head += n_bytes;
}

// A record, as the shim pushes it: with a filler before the end.
static void push_record(const void *record, uint32_t n_bytes)
{
	uint64_t room = STRIPE_BYTES - stripe->x_head % STRIPE_BYTES;

	if (room < n_bytes) {
		struct record_head pad = {.size_bytes = (uint32_t)room,
					  .type = RECORD_PAD};

		memcpy(stripe->data + stripe->x_head % STRIPE_BYTES, &pad,
		       sizeof(pad));
		stripe->x_head += room;
	}
	put_bytes(record, n_bytes);
}

static void push(uint64_t id, uint32_t n_bytes)
{
	static union ringread_record record;

	record.header = (struct record){.size_bytes = n_bytes,
					.type = RECORD_THREAD_NAME,
					.form = FORM_TEXT,
					.id = id};
	memset(record.bytes + sizeof(struct record), (int)id,
	       n_bytes - sizeof(struct record));
	push_record(record.bytes, n_bytes);
}

static void test_round(void **state)
{
	struct ringread r = fresh();
	uint64_t n_in = 0, n_out = 0;

	(void)state;
	srandom(1);
	for (int i = 0; i < 3000; i++) {
		uint64_t head;

		for (int k = 0; k < 3; k++)
			push(n_in++,
			     RECORD_BYTES + 8 * ((uint32_t)random() % 900));
		head = ringread_head(&r);
		while (ringread_next(&r, head, &got)) {
			uint32_t last = got.header.size_bytes - 1;

			assert_int_equal(got.header.id, n_out);
			if (got.header.size_bytes > sizeof(struct record))
				assert_int_equal(got.bytes[last], n_out & 255);
			n_out++;
		}
		assert_int_equal(n_out, n_in);
		assert_int_equal(stripe->x_tail, stripe->x_head);
	}
	assert_int_equal(r.n_resets, 0);
	assert_int_equal(r.n_bad, 0);
}

// Brief records, with others between them so that they come to the ring's end
// in every way.
static void test_brief(void **state)
{
	struct ringread r = fresh();
	uint64_t n_out = 0;

	(void)state;
	for (uint64_t id = 1; id < 20000; id += 2) {
		struct record_alloc a = {.size_bytes = sizeof(a),
					 .type = RECORD_ALLOC,
					 .form = FORM_BRIEF,
					 .tid = 7,
					 .n_bytes = 70,
					 .id = id,
					 .hash = ~id};
		struct record_free f = {.size_bytes = sizeof(f),
					.type = RECORD_FREE,
					.form = FORM_BRIEF,
					.id = id};
		uint64_t head;

		push_record(&a, sizeof(a));
		push_record(&f, sizeof(f));
		push(id + 1, RECORD_BYTES + 8 * (uint32_t)(id % 11));
		head = ringread_head(&r);
		assert_true(ringread_next(&r, head, &got));
		assert_memory_equal(&got, &a, sizeof(a));
		assert_true(ringread_next(&r, head, &got));
		assert_memory_equal(&got, &f, sizeof(f));
		assert_true(ringread_next(&r, head, &got));
		assert_int_equal(got.header.id, id + 1);
		assert_false(ringread_next(&r, head, &got));
		assert_int_equal(stripe->x_tail, stripe->x_head);
		n_out++;
	}
	assert_int_equal(r.n_resets + r.n_bad, 0);
	assert_true(n_out * 100 > 2 * STRIPE_BYTES);
}

static void test_bad_brief(void **state)
{
	const struct record_alloc bad[] = {
		{.size_bytes = 32, .type = RECORD_ALLOC, .id = 0},
		{.size_bytes = 24, .type = RECORD_ALLOC, .id = 1},
		{.size_bytes = 32, .type = RECORD_FREE, .tid = 1, .id = 1},
		{.size_bytes = 16, .type = RECORD_FREE},
		{.size_bytes = 32, .type = RECORD_CPU, .id = 1},
		{.size_bytes = 32, .type = RECORD_N, .id = 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct ringread r = fresh();
		struct record_alloc a = bad[i];

		a.form = FORM_BRIEF;
		put_bytes(&a, a.size_bytes);
		assert_false(ringread_next(&r, ringread_head(&r), &got));
		assert_int_equal(r.n_bad, 1);
		assert_int_equal(r.n_resets, 0);
	}
}

static void test_bad_heads(void **state)
{
	const uint64_t heads[] = {STRIPE_BYTES + 8, UINT64_MAX / 2, 13,
				  1ull << 63};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ringread r = fresh();
		uint64_t head;

		stripe->x_head = heads[i];
		head = ringread_head(&r);
		assert_int_equal(r.n_resets, 1);
		assert_false(ringread_next(&r, head, &got));
		// What is pushed from now on is read again.
		stripe->x_head = head;
		push(5, RECORD_BYTES);
		assert_true(ringread_next(&r, ringread_head(&r), &got));
		assert_int_equal(got.header.id, 5);
	}
}

static void test_head_goes_back(void **state)
{
	struct ringread r = fresh();

	(void)state;
	push(1, 480);
	assert_true(ringread_next(&r, ringread_head(&r), &got));
	stripe->x_head = RECORD_BYTES;
	assert_false(ringread_next(&r, ringread_head(&r), &got));
	assert_int_equal(r.n_resets, 1);
	// The writer's word on the tail is not asked for.
	stripe->x_tail = 1 << 20;
	push(2, RECORD_BYTES);
	assert_true(ringread_next(&r, ringread_head(&r), &got));
	assert_int_equal(got.header.id, 2);
}

static void test_bad_sizes(void **state)
{
	const uint32_t sizes[] = {0,
				  8,
				  RECORD_BYTES - 8,
				  RECORD_BYTES + 4,
				  RECORD_BYTES + 8,
				  RECORD_MAX_BYTES + 8,
				  65536,
				  UINT32_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct ringread r = fresh();
		struct record h = {
			.size_bytes = sizes[i], .type = RECORD_FREE, .id = 1};

		put_bytes(&h, sizeof(h));
		assert_false(ringread_next(&r, ringread_head(&r), &got));
		assert_int_equal(r.n_resets, 1);
	}
}

static int check(struct record h, const void *payload, size_t n_payload)
{
	memset(&got, 0, sizeof(got));
	h.size_bytes = (uint32_t)(sizeof(h) + n_payload);
	got.header = h;
	memcpy(got.bytes + sizeof(h), payload, n_payload);
	return ringread_check(&got, h.size_bytes);
}

static void test_forms(void **state)
{
	struct record_raw raw = {.stack_bytes = 0};
	struct record_frames frames = {.n_frames = 0};
	struct record h = {.type = RECORD_ALLOC, .form = FORM_RAW, .id = 1};

	(void)state;
	assert_int_equal(check(h, &raw, sizeof(raw)), 0);
	raw.stack_bytes = 8;
	assert_int_not_equal(check(h, &raw, sizeof(raw)), 0);
	raw.stack_bytes = UINT32_MAX;
	assert_int_not_equal(check(h, &raw, sizeof(raw)), 0);
	assert_int_not_equal(check(h, &raw, sizeof(raw) - 8), 0);
	h.form = FORM_FRAMES;
	assert_int_equal(check(h, &frames, sizeof(frames)), 0);
	frames.n_frames = 1;
	assert_int_not_equal(check(h, &frames, sizeof(frames)), 0);
	frames.n_frames = UINT32_MAX;
	assert_int_not_equal(check(h, &frames, sizeof(frames)), 0);
	h.form = FORM_HASH;
	assert_int_equal(check(h, &frames, 8), 0);
	assert_int_not_equal(check(h, &frames, 0), 0);
	h.form = FORM_TEXT;
	assert_int_not_equal(check(h, &frames, 8), 0);
	h.form = FORM_N;
	assert_int_not_equal(check(h, &frames, 8), 0);
	h.form = FORM_NONE;
	assert_int_equal(check(h, &frames, 0), 0);
	h.id = 0;
	assert_int_not_equal(check(h, &frames, 0), 0);
	// Of a type nobody knows yet anything may follow.
	h.type = RECORD_N;
	h.form = 99;
	assert_int_equal(check(h, &frames, 16), 0);
}

static void test_bad_record_is_skipped(void **state)
{
	struct ringread r = fresh();
	struct record bad = {.size_bytes = RECORD_BYTES,
			     .type = RECORD_ALLOC,
			     .form = FORM_RAW,
			     .id = 1};

	(void)state;
	put_bytes(&bad, sizeof(bad));
	push(9, RECORD_BYTES);
	assert_true(ringread_next(&r, ringread_head(&r), &got));
	assert_int_equal(got.header.id, 9);
	assert_int_equal(r.n_bad, 1);
	assert_int_equal(r.n_resets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_brief),
		cmocka_unit_test(test_bad_brief),
		cmocka_unit_test(test_bad_heads),
		cmocka_unit_test(test_head_goes_back),
		cmocka_unit_test(test_bad_sizes),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_bad_record_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
