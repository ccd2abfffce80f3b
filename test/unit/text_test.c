// SPDX-License-Identifier: Apache-2.0
//
// Description: the text form of known values: heap numbers are the samples that
// stand behind them (26 of 64 KiB at 512 KiB are 221 blocks in Go's protobuf),
// threads of a stack are added up, the larger comes first, mappings end it.
#include "collector/text.h"

#include "collector/shared.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RATE 524288.0

static struct snap *new_snap(enum kind kind)
{
	struct snap *s = calloc(1, sizeof(*s));

	s->kind = kind;
	s->period = kind == KIND_INUSE ? (int64_t)RATE : 1;
	strcpy(s->comm, "victim");
	s->rows = calloc(4, sizeof(*s->rows));
	s->stacks = shared_new(2 * sizeof(*s->stacks));
	s->frames = shared_new(2 * sizeof(*s->frames));
	s->threads = calloc(1, sizeof(*s->threads));
	s->images = calloc(1, sizeof(struct image *));
	s->labels = strdup("");
	for (uint32_t i = 0; i < 2; i++) {
		s->frames[i] = (struct frame){.addr = i ? FRAME_TRUNCATED
							: FRAME_UNKNOWN,
					      .image = FRAME_PSEUDO};
		s->stacks[i] = (struct snap_stack){i, 1};
	}
	s->n_frames = s->n_stacks = 2;
	return s;
}

static void add_row(struct snap *s, struct snap_row row)
{
	s->rows[s->n_rows++] = row;
}

// What N samples of SIZE bytes stand for.
static double stand_for(double n, double size)
{
	return -n / expm1(-size / RATE);
}

static void test_heap_is_as_it_was_sampled(void **state)
{
	struct snap *s = new_snap(KIND_INUSE);
	double n = stand_for(26, 65536), small = stand_for(3, 64);
	int n_all = 0, n_first = 0;
	long n_bytes = 0;
	struct buf b;

	(void)state;
	assert_int_equal((int)n, 221);
	assert_int_equal((int)(n * 65536), 14501200);
	add_row(s, (struct snap_row){.stack = 0,
				     .tid = 1,
				     .values = {n, n * 65536, n, n * 65536}});
	add_row(s, (struct snap_row){.stack = 1,
				     .tid = 1,
				     .values = {small, small * 64, 0, 0}});
	buf_init(&b);
	assert_int_equal(text_write(s, "\n# comment\n", &b), 0);
	assert_int_equal(sscanf(b.data,
				"heap profile: %d: %ld [%*d: %*d] @ "
				"heap/1048576\n%d: %*d [26: %*d] @ 0x",
				&n_all, &n_bytes, &n_first),
			 3);
	assert_int_equal(n_all, 26);
	assert_int_equal(n_first, 26);
	// Bytes are as near as the whole number of blocks lets them be.
	assert_in_range(n_bytes, 26 * 65536, 26 * 65536 * 222 / 221);
	assert_non_null(strstr(b.data, "\n0: 0 [3: 192] @ 0x"));
	assert_non_null(strstr(b.data, "[unknown]"));
	assert_non_null(strstr(b.data, "\n\n# comment\n\n--- Memory map: ---\n"
				       "MAPPED_LIBRARIES:\n"));
	buf_fini(&b);
	snap_free(s);
}

static void test_contentions_have_the_delay_first(void **state)
{
	struct snap *s = new_snap(KIND_MUTEX);
	struct buf b;

	(void)state;
	add_row(s,
		(struct snap_row){.stack = 0, .tid = 1, .values = {7, 5000}});
	add_row(s,
		(struct snap_row){.stack = 1, .tid = 1, .values = {1, 9000}});
	add_row(s,
		(struct snap_row){.stack = 1, .tid = 2, .values = {1, 9000}});
	buf_init(&b);
	assert_int_equal(text_write(s, "", &b), 0);
	assert_memory_equal(b.data,
			    "--- mutex:\ncycles/second=1000000000\n"
			    "sampling period=1\n18000 2 @ 0x",
			    strlen("--- mutex:\ncycles/second=1000000000\n"
				   "sampling period=1\n18000 2 @ 0x"));
	assert_non_null(strstr(b.data, "\n5000 7 @ 0x"));
	buf_fini(&b);
	snap_free(s);
}

static void test_nothing_is_a_profile_too(void **state)
{
	struct snap *s = new_snap(KIND_THREADCREATE);
	struct buf b;

	(void)state;
	buf_init(&b);
	assert_int_equal(text_write(s, "", &b), 0);
	assert_memory_equal(b.data, "threadcreate profile: total 0\n", 30);
	buf_fini(&b);
	snap_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heap_is_as_it_was_sampled),
		cmocka_unit_test(test_contentions_have_the_delay_first),
		cmocka_unit_test(test_nothing_is_a_profile_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
