// SPDX-License-Identifier: Apache-2.0
//
// Description: a trace keeps its events in the order of their times, none from
// before it, and counts those beyond its bound; what a process claims of times
// makes no slice end before it begins; what is written is bounded.
#include "collector/chrome.h"
#include "collector/perfetto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add(struct trace *t, uint64_t time_ns, uint64_t value)
{
	trace_add(t, &(struct trace_event){.type = TRACE_HEAP,
					   .time_ns = time_ns,
					   .value = value});
}

static void test_order(void **state)
{
	struct trace t = {.begin_ns = 100};

	(void)state;
	add(&t, 300, 0);
	add(&t, 99, 0);
	add(&t, 100, 0);
	add(&t, 200, 0);
	trace_sort(&t);
	assert_int_equal(t.n, 3);
	for (size_t i = 0; i < t.n; i++)
		assert_int_equal(t.events[i].time_ns, 100 * (i + 1));
	trace_fini(&t);
}

static void test_bound(void **state)
{
	struct trace t = {0};

	(void)state;
	for (size_t i = 0; i < TRACE_EVENTS_MAX + 5; i++)
		add(&t, i, i);
	assert_int_equal(t.n, TRACE_EVENTS_MAX);
	assert_int_equal(t.n_cut, 5);
	trace_fini(&t);
}

static bool has_text(const struct buf *b, const char *text)
{
	return memmem(b->data, b->n_bytes, text, strlen(text));
}

// A wait longer than the clock has run, by a thread and at a stack that nobody
// knows, and a value of "wait" that there is not.
static void test_claims(void **state)
{
	struct trace t = {.begin_ns = 1000, .n_cut = 7};
	struct snap_stack stack = {0, 1};
	struct frame frame = {.addr = FRAME_UNKNOWN, .image = FRAME_PSEUDO};
	struct snap s = {.stacks = &stack,
			 .n_stacks = 1,
			 .frames = &frame,
			 .n_frames = 1,
			 .comm = "x"};
	struct buf b;

	(void)state;
	for (uint32_t stack_id = 0; stack_id < 2; stack_id++)
		trace_add(&t,
			  &(struct trace_event){.type = TRACE_WAIT,
						.time_ns = 2000,
						.value = UINT64_MAX,
						.tid = 5,
						.stack = stack_id,
						.holder = 6,
						.wait = (enum record_wait)200});
	buf_init(&b);
	perfetto_write(&t, &s, &b);
	assert_int_equal(buf_error(&b), 0);
	assert_true(has_text(&b, "[unknown]"));
	assert_true(has_text(&b, "events_missing"));
	// From 1000 on: field 8, the varint of 1000.
	assert_true(has_text(&b, "\x40\xe8\x07"));
	buf_fini(&b);
	trace_fini(&t);
}

// More waits, with long stacks, than may be written: in either format what is
// written stays near the bound, and says what is missing.
static void test_bytes(void **state)
{
	static struct frame frames[64];
	struct snap_stack stack = {0, 64};
	struct snap s = {.stacks = &stack,
			 .n_stacks = 1,
			 .frames = frames,
			 .n_frames = 64,
			 .comm = "x"};
	struct trace t = {0};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		frames[i] = (struct frame){.addr = FRAME_UNASKED,
					   .image = FRAME_PSEUDO};
	for (size_t i = 0; i < TRACE_EVENTS_MAX; i++)
		trace_add(&t, &(struct trace_event){.type = TRACE_WAIT,
						    .time_ns = 1000 + i,
						    .value = 10,
						    .tid = 5,
						    .wait = WAIT_MUTEX});
	buf_init(&b);
	perfetto_write(&t, &s, &b);
	assert_in_range(b.n_bytes, TRACE_BYTES_MAX, TRACE_BYTES_MAX + 4096);
	assert_true(has_text(&b, "events_missing"));
	buf_fini(&b);
	chrome_write(&t, &s, &b);
	assert_in_range(b.n_bytes, TRACE_BYTES_MAX, TRACE_BYTES_MAX + 4096);
	assert_true(has_text(&b, "events_missing"));
	buf_fini(&b);
	trace_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
