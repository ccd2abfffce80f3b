// SPDX-License-Identifier: Apache-2.0
//
// Description: equal stacks get one id, others their own, ids stay, and beyond
// the bound a stack is [too many stacks] and counted; their memory is taken as
// they come. Threads keep their names.
#include "collector/shared.h"
#include "collector/stacks.h"
#include "collector/threads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t make(struct frame *frames, uint32_t i)
{
	size_t n = 1 + i % 40;

	for (size_t k = 0; k < n; k++)
		frames[k] = (struct frame){.addr = i * 1000 + k, .image = 1};
	return n;
}

static void test_intern(void **state)
{
	static uint32_t ids[20000];
	struct frame frames[64];
	struct stacks s;

	(void)state;
	assert_int_equal(stacks_init(&s), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		ids[i] = stacks_intern(&s, frames, make(frames, i));
		assert_int_equal(ids[i], FRAME_PSEUDO_N + i);
	}
	assert_int_equal(stacks_check(&s), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		size_t n = make(frames, i);

		assert_int_equal(stacks_intern(&s, frames, n), ids[i]);
		// A stack that begins like another is not that one.
		assert_int_not_equal(n > 1 ? stacks_intern(&s, frames, n - 1)
					   : UINT32_MAX,
				     ids[i]);
	}
	assert_int_equal(stacks_check(&s), 0);
	assert_int_equal(s.n_overflow, 0);
	stacks_fini(&s);
}

static void test_pseudo(void **state)
{
	struct frame f = {.addr = FRAME_UNKNOWN, .image = FRAME_PSEUDO};
	struct stacks s;

	(void)state;
	assert_int_equal(stacks_init(&s), 0);
	assert_int_equal(s.n, FRAME_PSEUDO_N);
	assert_int_equal(stacks_intern(&s, &f, 1), FRAME_UNKNOWN);
	stacks_fini(&s);
}

static void test_bound(void **state)
{
	struct stacks s;

	(void)state;
	assert_int_equal(stacks_init(&s), 0);
	for (uint64_t i = 0; i < STACKS_MAX + 10; i++) {
		struct frame f = {.addr = i, .image = 1};
		uint32_t id = stacks_intern(&s, &f, 1);

		assert_int_equal(id, i + FRAME_PSEUDO_N < STACKS_MAX
					     ? i + FRAME_PSEUDO_N
					     : FRAME_OVERFLOW);
	}
	assert_int_equal(s.n_overflow, 10 + FRAME_PSEUDO_N);
	assert_int_equal(stacks_check(&s), 0);
	stacks_fini(&s);
}

static void test_threads(void **state)
{
	struct threads t;
	struct snap_thread *copy;
	size_t n;

	(void)state;
	threads_init(&t);
	assert_true(threads_see(&t, 30));
	assert_false(threads_see(&t, 30));
	assert_false(threads_see(&t, 0)); // no thread at all
	threads_name(&t, 30, "a-name-that-is-too-long", 23);
	threads_name(&t, 10, "io\1\0x", 5);
	threads_name(&t, 20, "worker", 6);
	threads_name(&t, 20, "", 0); // says nothing new
	threads_end(&t, 20);
	assert_int_equal(t.n, 3);
	threads_run(&t, 30); // never ended
	assert_true(t.first_reused > t.n);
	threads_run(&t, 20); // another of that tid
	assert_false(t.ended[2]);
	assert_int_equal(t.first_reused, 2);
	copy = threads_copy(&t, &n);
	assert_int_equal(n, 3);
	assert_int_equal(copy[0].tid, 10);
	assert_string_equal(copy[0].name, "io_");
	assert_string_equal(copy[1].name, "worker");
	assert_string_equal(copy[2].name, "a-name-that-is-");
	free(copy);
	threads_fini(&t);
}

// The rights of the mapping that ADDRESS lies in.
static void rights_of(const void *address, char ret[8])
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long start, limit;
	char line[512];

	assert_non_null(f);
	ret[0] = '\0';
	while (!ret[0] && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %7s", &start, &limit, ret) != 3 ||
		    (uintptr_t)address < start || (uintptr_t)address >= limit)
			ret[0] = '\0';
	fclose(f);
}

// Where the kernel promises no more memory than it has (overcommit_memory=2)
// what could be written counts.
static void test_no_memory_is_promised_ahead(void **state)
{
	struct frame frames[64];
	struct stacks s;
	char rights[8];

	(void)state;
	assert_int_equal(stacks_init(&s), 0);
	rights_of(s.frames + STACKS_FRAMES_MAX - 1, rights);
	assert_string_equal(rights, "---p");
	rights_of(s.list + STACKS_MAX - 1, rights);
	assert_string_equal(rights, "---p");
	for (uint32_t i = 0; i < 20000; i++)
		stacks_intern(&s, frames, make(frames, i));
	rights_of(s.frames + s.n_frames - 1, rights);
	assert_string_equal(rights, "rw-p");
	rights_of(s.frames + 2 * s.n_frames + 4096, rights);
	assert_string_equal(rights, "---p");
	stacks_fini(&s);
}

static uint32_t add_one(struct stacks *s)
{
	struct frame f = {.addr = s->n, .image = 1};

	return stacks_intern(s, &f, 1);
}

// The chains are longer already when there is no memory for the frames.
static void test_no_memory_for_frames(void **state)
{
	struct stacks s;
	void *full;

	(void)state;
	assert_int_equal(stacks_init(&s), 0);
	while (s.n < 1000 || s.n < s.next_capacity)
		assert_int_not_equal(add_one(&s), FRAME_OVERFLOW);
	full = shared_new(s.n_frames * sizeof(*s.frames));
	assert_non_null(full);
	assert_int_equal(shared_grow(full, s.n_frames * sizeof(*s.frames)), 0);
	memcpy(full, s.frames, s.n_frames * sizeof(*s.frames));
	shared_unref(s.frames);
	s.frames = full;
	assert_int_equal(add_one(&s), FRAME_OVERFLOW);
	assert_true(s.next_capacity > s.n);
	assert_int_equal(stacks_check(&s), 0);
	assert_int_equal(add_one(&s), FRAME_OVERFLOW);
	assert_int_equal(s.n_overflow, 2);
	stacks_fini(&s);
	// As after a stacks_init() that failed.
	assert_int_equal(add_one(&s), FRAME_OVERFLOW);
	stacks_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pseudo),
		cmocka_unit_test(test_intern),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_no_memory_is_promised_ahead),
		cmocka_unit_test(test_no_memory_for_frames),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
