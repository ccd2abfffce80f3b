// SPDX-License-Identifier: Apache-2.0
//
// Walks along this process's own stack, with tables compiled from its own
// files, and holds them against glibc's backtrace(); then along made-up ones.
#include "collector/elf_file.h"
#include "collector/rows.h"
#include "proto/walk.h"

#include <alloca.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// cmocka.h must come after these.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ARENA_BYTES (16u << 20)
#define DEPTH	    200u

static unsigned char *arena;
static uint64_t arena_used;
static struct walk_index index_;
static const struct walk_tables *tables(void)
{
	static struct walk_tables t;

	t = (struct walk_tables){&index_, arena, ARENA_BYTES};
	return &t;
}

static void add_image(uint64_t start, uint64_t limit, uint64_t file_offset,
		      const char *path)
{
	struct walk_image *im = &index_.images[index_.x_n_images];
	struct elf_file *file;
	struct rows rows;
	uint64_t bias;

	if (elf_file_open(open(path, O_RDONLY | O_CLOEXEC), path, &file))
		return;
	if (!elf_file_bias(file, start, file_offset, &bias) &&
	    !rows_compile(file, ARENA_BYTES - arena_used, &rows)) {
		memcpy(arena + arena_used, rows.words, rows_bytes(&rows));
		*im = (struct walk_image){
			start,	    limit,	   bias + rows.base_vaddr,
			arena_used, rows.n_blocks, rows.n_rows};
		arena_used += (rows_bytes(&rows) + 7) & ~7ull;
		index_.x_n_images++;
		rows_fini(&rows);
	}
	elf_file_unref(file);
}

static int make_tables(void **state)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], path[256], rights[8];
	unsigned long start, limit, offset;

	(void)state;
	arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!maps || arena == MAP_FAILED)
		return -1;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &start,
			   &limit, rights, &offset, path) == 5 &&
		    rights[2] == 'x' && path[0] == '/')
			add_image(start, limit, offset, path);
	fclose(maps);
	return index_.x_n_images < 2;
}

// The stack from RSP up, copied: AddressSanitizer lets nobody read all of it in
// place.
__attribute__((noinline, no_sanitize("address"))) static const unsigned char *
copy_stack(uint64_t rsp, uint64_t n_bytes)
{
	static uint64_t copy[(1 << 20) / 8];
	const volatile uint64_t *from = (const uint64_t *)rsp;

	assert_true(n_bytes <= sizeof(copy));
	for (uint64_t i = 0; i < n_bytes / 8; i++)
		copy[i] = from[i];
	return (const unsigned char *)copy;
}

__attribute__((noinline)) static uint64_t stack_left(uint64_t rsp)
{
	pthread_attr_t attr;
	size_t n_bytes;
	void *low;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &n_bytes);
	pthread_attr_destroy(&attr);
	return (uint64_t)low + n_bytes - rsp;
}

// What a walk from the caller's frame gives.
static struct walk_result walk_from(uint64_t pc, uint64_t rsp, uint64_t rbp,
				    uint64_t *ret_pcs)
{
	uint64_t n_left = stack_left(rsp);
	struct walk_result r;

	walk_run(tables(),
		 &(struct walk_start){.pc = pc,
				      .rsp = rsp,
				      .rbp = rbp,
				      .stack = copy_stack(rsp, n_left),
				      .stack_bytes = n_left},
		 DEPTH, ret_pcs, &r);
	return r;
}

#define here(pc, rsp, rbp)                       \
	__asm__ volatile("leaq 0(%%rip), %0\n\t" \
			 "movq %%rsp, %1\n\t"    \
			 "movq %%rbp, %2"        \
			 : "=r"(pc), "=r"(rsp), "=r"(rbp))

// Frames from the caller of this one's caller on must be what backtrace()
// found: the innermost differ by where in the function each was taken.
__attribute__((noinline)) static void compare(void)
{
	uint64_t pc, rsp, rbp, pcs[DEPTH];
	void *truth[DEPTH];
	struct walk_result r;
	int n = backtrace(truth, DEPTH), skip;

	here(pc, rsp, rbp);
	r = walk_from(pc, rsp, rbp, pcs);
	// AddressSanitizer's backtrace() has another innermost frame.
	skip = (int)r.n_frames - n;
	assert_true(skip >= -1 && skip <= 1);
	assert_false(r.is_cut);
	for (int i = 1 + (skip < 0); i < n; i++)
		assert_int_equal(pcs[i + skip] & ~WALK_EXACT,
				 (uint64_t)truth[i]);
	__asm__ volatile("");
}

__attribute__((noinline)) static void with_alloca(size_t n)
{
	volatile char *p = alloca(n);

	p[0] = 1;
	compare();
	__asm__ volatile("" ::"r"(p));
}

__attribute__((noinline)) static void realigned(void)
{
	_Alignas(128) volatile char block[256];

	block[0] = 1;
	compare();
	__asm__ volatile("" ::"r"(block));
}

__attribute__((noinline)) static void large_frame(void)
{
	volatile char block[70000];

	block[0] = 1;
	compare();
	__asm__ volatile("" ::"r"(block));
}

__attribute__((noinline)) static void recurse(int n)
{
	if (n)
		recurse(n - 1);
	else
		compare();
	__asm__ volatile("");
}

static void test_frames(void **state)
{
	(void)state;
	compare();
	with_alloca(100);
	with_alloca(5000);
	realigned();
	large_frame();
	recurse(60);
}

static int compare_ints(const void *a, const void *b)
{
	static int n_calls;

	if (!n_calls++)
		realigned();
	return *(const int *)a - *(const int *)b;
}

// What a signal interrupted is no return address: a frame further in would have
// the place before it.
__attribute__((noinline)) static void find_interrupted(void)
{
	uint64_t pc, rsp, rbp, pcs[DEPTH];
	struct walk_result r;
	int n_exact = 0;

	here(pc, rsp, rbp);
	r = walk_from(pc, rsp, rbp, pcs);
	for (uint32_t i = 1; i < r.n_frames; i++)
		n_exact += !!(pcs[i] & WALK_EXACT);
	assert_int_equal(n_exact, 1);
}

static void on_signal(int sig)
{
	(void)sig;
	compare();
	find_interrupted();
}

static void *in_thread(void *arg)
{
	recurse(5);
	return arg;
}

// Through libc's frames: a callback, a signal's frame, a thread's first one.
static void test_libc(void **state)
{
	int v[] = {3, 1, 2, 5, 4};
	pthread_t thread;

	(void)state;
	qsort(v, 5, sizeof(*v), compare_ints);
	signal(SIGUSR2, on_signal);
	raise(SIGUSR2);
	assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
	pthread_join(thread, NULL);
}

__attribute__((noinline)) static struct walk_result
walk_here(uint32_t generation, uint32_t depth)
{
	uint64_t pc, rsp, rbp;
	struct walk_result r;

	here(pc, rsp, rbp);
	walk_run(tables(),
		 &(struct walk_start){.pc = pc,
				      .rsp = rsp,
				      .rbp = rbp,
				      .stack = copy_stack(rsp, 1 << 12),
				      .stack_bytes = 1 << 12,
				      .generation = generation},
		 depth, NULL, &r);
	return r;
}

// No tables of another time, none while they change, none of a library that is
// just going.
static void test_stale(void **state)
{
	(void)state;
	assert_true(walk_here(0, 3).n_frames == 3);
	assert_int_equal(walk_here(2, 3).n_frames, 0);
	index_.x_generation = 1;
	assert_int_equal(walk_here(1, 3).n_frames, 0);
	index_.x_generation = 0;
	index_.x_changes++;
	assert_int_equal(walk_here(0, 3).n_frames, 0);
	index_.x_changes++;
	assert_int_equal(walk_here(0, 3).n_frames, 3);
}

// A hash names the frames: the same ones again, others not, nor a cut stack.
static void test_hash(void **state)
{
	uint64_t first = 0;

	(void)state;
	// volatile: one place in the code, not two
	for (volatile int i = 0; i < 2; i++) {
		struct walk_result r = walk_here(0, 4);

		assert_true(r.is_cut);
		assert_true(!i || r.hash == first);
		first = r.hash;
	}
	assert_true(walk_here(0, 3).hash != first);
}

static struct walk_memo memo;
static int n_complete;

// The proof of a result; rbp stands in a place of its own.
static struct {
	struct walk_word words[2 * WALK_KNOWN_MAX];
	uint32_t n;
	uint64_t rsp;
	uint64_t stack_bytes;
	struct walk_result result;
} proof;
static const uintptr_t rbp_place;
static int n_proved, n_refuted;

static uint64_t word_now(const struct walk_start *start, const uint64_t *at)
{
	uint64_t word;

	if (at == &rbp_place)
		return start->rbp;
	if ((uintptr_t)at == start->rsp - 8)
		return start->pc | WALK_EXACT;
	memcpy(&word, start->stack + ((uintptr_t)at - start->rsp), 8);
	return word;
}

static bool is_proved(const struct walk_start *start)
{
	uint32_t n = 0;

	if (!proof.n || proof.rsp != start->rsp ||
	    proof.stack_bytes != start->stack_bytes)
		return false;
	while (n < proof.n &&
	       word_now(start, proof.words[n].at) == proof.words[n].value)
		n++;
	return n == proof.n;
}

// Where the proof of an earlier walk holds, this one found the same.
static void check_proof(const struct walk_start *start, uint32_t depth,
			const struct walk_result *found)
{
	if (is_proved(start) && proof.result.n_frames <= depth) {
		assert_int_equal(found->n_frames, proof.result.n_frames);
		assert_true(found->hash == proof.result.hash);
		n_proved++;
	} else {
		n_refuted++;
	}
	// A memo that rests is of an earlier walk, from elsewhere on the stack.
	if (rand() % 2 || !memo.n || memo.known[memo.n - 1].rsp != start->rsp)
		return;
	proof.n =
		walk_proof(&memo, &rbp_place, 2 * WALK_KNOWN_MAX, proof.words);
	proof.rsp = start->rsp;
	proof.stack_bytes = start->stack_bytes;
	proof.result = memo.result;
}

// With a memo and without: the same, whatever the memo is of.
static struct walk_result compare_memo(const struct walk_start *start,
				       uint32_t depth)
{
	struct walk_result with, without;

	walk_run(tables(), start, depth, NULL, &without);
	walk_again(tables(), start, depth, &memo, &with);
	assert_int_equal(with.n_frames, without.n_frames);
	if (with.n_frames) {
		assert_true(with.hash == without.hash);
		assert_int_equal(with.is_cut, without.is_cut);
	}
	check_proof(start, depth, &with);
	return with;
}

// Some words of the stack are another's for one walk, then its own again.
static void disturb(const struct walk_start *start, unsigned char *stack,
		    unsigned *seed)
{
	struct walk_start other = *start;
	// The frames between here and main(), as a rule.
	size_t n_bytes = start->stack_bytes < 4096 ? start->stack_bytes : 4096;
	size_t at = 8 * ((size_t)rand_r(seed) % (n_bytes / 8));
	size_t from = 8 * ((size_t)rand_r(seed) % (n_bytes / 8));
	uint64_t own;

	memcpy(&own, stack + at, 8);
	memmove(stack + at, stack + from, 8);
	other.rbp += 16 * (uint64_t)(rand_r(seed) % 2);
	(void)compare_memo(&other, rand_r(seed) % 4 ? DEPTH : 5);
	memcpy(stack + at, &own, 8);
	n_complete += compare_memo(start, DEPTH).n_frames != 0;
}

static unsigned char memo_stack[1 << 16]; // a sanitizer's frames are large

__attribute__((noinline)) static void copy_from(struct walk_start *ret)
{
	ret->stack = memo_stack;
	ret->stack_bytes = stack_left(ret->rsp);
	if (ret->stack_bytes > sizeof(memo_stack))
		ret->stack_bytes = sizeof(memo_stack);
	memcpy(memo_stack, copy_stack(ret->rsp, ret->stack_bytes),
	       ret->stack_bytes);
}

// Its own frame keeps nothing in rbp, so that its caller's matters.
__attribute__((noinline)) static void take_stack(struct walk_start *ret)
{
	here(ret->pc, ret->rsp, ret->rbp);
	copy_from(ret);
	__asm__ volatile("");
}

static void descend(unsigned *seed, int depth);

__attribute__((noinline)) static void descend_aside(unsigned *seed, int depth)
{
	volatile char *p = alloca(16 + 16 * (size_t)(rand_r(seed) % 4));
	struct walk_start start = {.generation = 0};

	p[0] = 1;
	if (depth)
		descend(seed, depth - 1);
	take_stack(&start);
	for (int i = 0; i < 100; i++)
		disturb(&start, memo_stack, seed);
	__asm__ volatile("" ::"r"(p));
}

// NOLINTNEXTLINE(misc-no-recursion): deep stacks are what it is about
__attribute__((noinline)) static void descend(unsigned *seed, int depth)
{
	if (!depth || rand_r(seed) % 2)
		descend_aside(seed, depth);
	else
		descend(seed, depth - 1);
	__asm__ volatile("");
}

static void test_memo(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int i = 0; i < 100; i++)
		descend(&seed, rand_r(&seed) % 8);
	assert_true(n_complete > 100 * 100);
	print_message("%d proved, %d refuted\n", n_proved, n_refuted);
	assert_true(n_proved > 1000 && n_refuted > 1000);
}

// It does what it is for: a walk that comes to known frames looks at no table.
static void test_memo_spares(void **state)
{
	struct walk_start start = {.generation = 0};
	struct walk_result r, again;
	uint32_t n = index_.x_n_images;

	(void)state;
	take_stack(&start);
	memset(&memo, 0, sizeof(memo));
	r = compare_memo(&start, DEPTH);
	assert_true(r.n_frames > 3);
	index_.x_n_images = 0;
	walk_again(tables(), &start, DEPTH, &memo, &again);
	assert_int_equal(again.n_frames, r.n_frames);
	assert_true(again.hash == r.hash);
	index_.x_changes += 2;
	walk_again(tables(), &start, DEPTH, &memo, &again);
	assert_int_equal(again.n_frames, 0);
	index_.x_n_images = n;
}

// Whatever the numbers in arena and index are, a walk only ends.
static void test_hostile(void **state)
{
	struct walk_index saved;
	unsigned char *words = arena;
	unsigned seed = 1;

	(void)state;
	memcpy(&saved, &index_, sizeof(saved));
	for (int i = 0; i < 20000; i++) {
		unsigned char *at =
			i & 1 ? (unsigned char *)&index_.images : words;
		size_t n = i & 1 ? saved.x_n_images * sizeof(struct walk_image)
				 : arena_used;

		at[(size_t)rand_r(&seed) % n] = (unsigned char)rand_r(&seed);
		assert_true(walk_here(0, 50).n_frames <= 50);
		if (i % 100 == 99)
			memcpy(&index_, &saved, sizeof(saved));
	}
	index_.x_n_images = UINT32_MAX;
	assert_int_equal(walk_here(0, 50).n_frames, 0);
}

// Files without call frame information, or with a table too large for the room.
static void test_no_rows(void **state)
{
	struct elf_file *file;
	struct rows rows;

	(void)state;
	assert_int_equal(elf_file_open(open("/proc/self/exe", O_RDONLY), "self",
				       &file),
			 0);
	assert_int_equal(rows_compile(file, 64, &rows), -EFBIG);
	elf_file_unref(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_libc),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_memo),
		cmocka_unit_test(test_memo_spares),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, make_tables, NULL);
}
