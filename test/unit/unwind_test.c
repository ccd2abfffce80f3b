// SPDX-License-Identifier: Apache-2.0
//
// Description: captures of this very process (made by a signal handler, and by
// setjmp-like register reads) unwound by the collector's code: the right frames
// at every pc, signal frames, cut stacks, hostile bytes, and recipes that give
// what unwinding gives. Prints the speed of a hit and of a miss.
#include "collector/unwind.h"
#include "proto/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

extern void *__libc_stack_end;

struct capture {
	struct record_raw raw;
	_Alignas(8) uint8_t stack[STACK_COPY_MAX_BYTES];
	uint16_t flags;
};

static struct capture *taken;
static unsigned n_taken, taken_max;

// Word by word: the stack is full of the sanitizer's red zones, which memcpy()
// would be told about.
__attribute__((no_sanitize("address", "undefined"))) static void
copy_stack(uint8_t *to, uint64_t from, uint64_t n_bytes)
{
	const volatile uint64_t *words = (const uint64_t *)from;

	for (uint64_t i = 0; i < n_bytes / 8; i++)
		((uint64_t *)to)[i] = words[i];
}

static void take(const ucontext_t *context)
{
	static const int greg[RECORD_REGS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
		REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	struct capture *c;
	uint64_t n, sp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];

	if (n_taken == taken_max)
		return;
	c = &taken[n_taken++];
	for (int i = 0; i < RECORD_REGS; i++)
		c->raw.regs[i] = (uint64_t)context->uc_mcontext.gregs[greg[i]];
	n = (uint64_t)__libc_stack_end - sp;
	c->flags = RECORD_SIGNAL;
	if (n > sizeof(c->stack)) {
		n = sizeof(c->stack);
		c->flags |= RECORD_CUT;
	}
	c->raw.stack_bytes = (uint32_t)n;
	copy_stack(c->stack, sp, n);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	take(context);
}

static void install(int sig, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {0};

	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO;
	assert_int_equal(sigaction(sig, &action, NULL), 0);
}

// In a section of its own: the linker tells where its code begins and ends.
extern char __start_deep_code[], __stop_deep_code[];
extern char __start_ill_code[], __stop_ill_code[];

static __attribute__((noinline, section("deep_code"))) int deep(int depth,
								int sig)
{
	volatile char pad[64];

	pad[0] = (char)depth;
	if (depth > 0)
		return deep(depth - 1, sig) + pad[0];
	raise(sig);
	return pad[0];
}

static struct images *self_images(void)
{
	return images_new(open("/proc/self/maps", O_RDONLY | O_CLOEXEC),
			  (uint32_t)getpid(), (uint64_t)&deep);
}

struct fixture {
	struct images *images;
	struct unwinder *unwinder;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	taken_max = 4096;
	taken = calloc(taken_max, sizeof(*taken));
	n_taken = 0;
	f->images = self_images();
	f->unwinder = unwind_new(f->images);
	assert_non_null(f->unwinder);
	install(SIGUSR1, on_signal);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unwind_free(f->unwinder);
	images_free(f->images);
	free(taken);
	free(f);
	return 0;
}

static uint32_t unwind_with(struct unwinder *u, const struct capture *c,
			    uint32_t max_frames, struct frame *frames)
{
	const struct unwind_input input = {
		.raw = &c->raw,
		.stack = c->stack,
		.flags = c->flags,
	};

	return unwind_capture(u, &input, max_frames, frames);
}

static uint32_t unwind_one(struct fixture *f, const struct capture *c,
			   struct frame *frames)
{
	return unwind_with(f->unwinder, c, 128, frames);
}

static unsigned count_deep(const struct frame *frames, uint32_t n)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += frames[i].addr >= (uint64_t)__start_deep_code &&
			 frames[i].addr < (uint64_t)__stop_deep_code;
	return count;
}

static bool is_pseudo(const struct frame *f, enum frame_pseudo pseudo)
{
	return f->image == FRAME_PSEUDO && f->addr == (uint64_t)pseudo;
}

static void test_deep_stack(void **state)
{
	struct frame frames[128];
	uint32_t n;

	deep(15, SIGUSR1);
	assert_int_equal(n_taken, 1);
	n = unwind_one(*state, &taken[0], frames);
	assert_in_range(n, 19, 60);
	assert_int_equal(count_deep(frames, n), 16);
	assert_int_equal(frames[0].addr, taken[0].raw.regs[RECORD_REG_PC]);
	for (uint32_t i = 0; i < n; i++)
		assert_int_not_equal(frames[i].image, 0);
	assert_false(is_pseudo(&frames[n - 1], FRAME_TRUNCATED));
}

static void on_outer(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	deep(2, SIGUSR1);
}

// The pc below a handler's frame is that of the interrupted instruction: no
// minus one. `ud2` has a known address.
extern char ud2_here[];
static __attribute__((noinline, noclone)) void interrupted(void)
{
	__asm__ volatile(".globl ud2_here\nud2_here: ud2" ::: "memory");
}

static void on_ill(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	on_outer(sig, info, context);
	c->uc_mcontext.gregs[REG_RIP] += 2;
}

static __attribute__((noinline, section("ill_code"))) int call_interrupted(void)
{
	interrupted();
	return (int)n_taken;
}

static void test_signal_frame(void **state)
{
	struct frame frames[128];
	uint32_t n, i;

	install(SIGILL, on_ill);
	assert_int_equal(call_interrupted(), 1);
	n = unwind_one(*state, &taken[0], frames);
	assert_int_equal(count_deep(frames, n), 3);
	for (i = 0; i < n && frames[i].addr != (uint64_t)ud2_here; i++)
		;
	assert_in_range(i, 5, n - 2);
	assert_in_range(frames[i + 1].addr, (uint64_t)__start_ill_code,
			(uint64_t)__stop_ill_code);
}

static void test_cut(void **state)
{
	struct fixture *f = *state;
	struct frame frames[128], few[10];
	uint32_t n;

	deep(300, SIGUSR1);
	assert_true(taken[0].flags & RECORD_CUT);
	n = unwind_one(f, &taken[0], frames);
	assert_in_range(n, 60, 128); // 128 where frames are not blown up
	assert_true(is_pseudo(&frames[n - 1], FRAME_TRUNCATED));
	taken[0].raw.stack_bytes = 2048;
	n = unwind_one(f, &taken[0], frames);
	assert_in_range(n, 8, 40);
	assert_true(is_pseudo(&frames[n - 1], FRAME_TRUNCATED));
	taken[0].flags = RECORD_SIGNAL;
	assert_int_equal(unwind_one(f, &taken[0], frames), n - 1);
	n = unwind_with(f->unwinder, &taken[0], 10, few);
	assert_int_equal(n, 10);
	assert_true(is_pseudo(&few[9], FRAME_TRUNCATED));
}

static void test_single_frame(void **state)
{
	struct fixture *f = *state;
	struct frame frames[128];

	deep(3, SIGUSR1);
	taken[0].flags = RECORD_REMAINDER;
	assert_int_equal(unwind_one(f, &taken[0], frames), 1);
	assert_int_equal(frames[0].addr, taken[0].raw.regs[RECORD_REG_PC]);
	assert_int_not_equal(frames[0].image, 0);
	taken[0].raw.regs[RECORD_REG_PC] = 0;
	assert_int_equal(unwind_one(f, &taken[0], frames), 1);
	assert_true(is_pseudo(&frames[0], FRAME_UNKNOWN));
}

// A call through a null pointer: the caller must still be found.
static void test_null_call(void **state)
{
	struct capture *c = &taken[0];
	struct frame frames[128];
	uint32_t n;

	deep(3, SIGUSR1);
	n = unwind_one(*state, c, frames);
	assert_in_range(n, 5, 60);
	memmove(c->stack + 8, c->stack, sizeof(c->stack) - 8);
	memcpy(c->stack, &c->raw.regs[RECORD_REG_PC], 8);
	c->raw.regs[RECORD_REG_SP] -= 8;
	c->raw.stack_bytes += 8;
	c->raw.regs[RECORD_REG_PC] = 0x10;
	n = unwind_one(*state, c, frames);
	assert_int_equal(frames[0].addr, 0x10);
	assert_int_equal(frames[0].image, 0);
	assert_int_equal(count_deep(frames, n), 4);
}

// No crash, no endless loop, always at least one frame.
static void test_hostile(void **state)
{
	struct frame frames[128];
	unsigned seed = 1;

	deep(40, SIGUSR1);
	for (unsigned round = 0; round < 3000; round++) {
		struct capture c = taken[0];
		uint32_t n, n_flips = 1 + (unsigned)rand_r(&seed) % 64;
		for (uint32_t i = 0; i < n_flips; i++) {
			uint32_t at = (uint32_t)rand_r(&seed) %
				      (c.raw.stack_bytes / 8);
			uint64_t word = (uint64_t)rand_r(&seed) << 20;
			if (round % 3 == 1)
				word = c.raw.regs[RECORD_REG_SP] + at % 512;
			if (round % 3 == 2)
				word = (uint64_t)&deep + at % 64;
			memcpy(c.stack + 8 * at, &word, 8);
		}
		if (round % 7 == 0)
			c.raw.regs[rand_r(&seed) % RECORD_REGS] =
				(uint64_t)rand_r(&seed) * 0x10001ull;
		n = unwind_one(*state, &c, frames);
		assert_in_range(n, 1, 128);
	}
}

// Stacks of many shapes, each several times at different depths of the real
// stack: a fresh unwinder (misses only) and one with recipes agree.
static __attribute__((noinline)) int shape_b(int n);
static __attribute__((noinline)) int shape_a(int n)
{
	volatile char pad[200 + 8 * 3];

	pad[0] = (char)n;
	if (n == 0)
		raise(SIGUSR1);
	else
		shape_b(n / 2);
	return pad[0];
}

static __attribute__((noinline)) int shape_b(int n)
{
	char *room = __builtin_alloca((size_t)(n % 5 + 1) * 32);

	__asm__ volatile("" : : "r"(room) : "memory");
	if (n % 3)
		return shape_a(n - 1) + room[0];
	return n ? shape_b(n - 1) + room[0] : shape_a(0);
}

static int compare(const void *a, const void *b)
{
	shape_b(*(const int *)a % 40);
	return *(const int *)a - *(const int *)b;
}

static void make_shapes(int offset)
{
	char *room = __builtin_alloca((size_t)offset * 16 + 16);
	int values[] = {offset, 7, 3, 19, 4, 11, 23, 5};

	__asm__ volatile("" : : "r"(room) : "memory");
	qsort(values, 8, sizeof(*values), compare);
}

static uint32_t unwind_fresh(struct fixture *f, const struct capture *c,
			     struct frame *frames)
{
	struct unwinder *fresh = unwind_new(f->images);
	uint32_t n = unwind_with(fresh, c, 128, frames);

	unwind_free(fresh);
	return n;
}

static void test_recipes_agree(void **state)
{
	struct fixture *f = *state;
	struct frame hit[128], miss[128];
	struct unwind_stats stats;

	for (int i = 0; i < 40; i++)
		make_shapes(i);
	assert_in_range(n_taken, 300, 4096);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < n_taken; i++) {
			uint32_t n = unwind_one(f, &taken[i], hit);
			assert_int_equal(n, unwind_fresh(f, &taken[i], miss));
			assert_memory_equal(hit, miss, n * sizeof(*hit));
		}
	}
	unwind_stats(f->unwinder, &stats);
	print_message("shapes: %u captures, %lu hits\n", n_taken,
		      stats.n_recipes_hit);
	assert_in_range(stats.n_recipes_hit, n_taken, 2 * n_taken);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void test_speed(void **state)
{
	enum { ROUNDS = 20000 };
	struct fixture *f = *state;
	struct frame frames[128];
	uint32_t n = 0, n_fewer;
	double start, hit_us, miss_us;

	deep(20, SIGUSR1);
	n = unwind_one(f, &taken[0], frames);
	start = now_us();
	for (int i = 0; i < ROUNDS; i++)
		n = unwind_one(f, &taken[0], frames);
	hit_us = (now_us() - start) / ROUNDS;
	// Another value in a register that is read makes a miss.
	start = now_us();
	for (int i = 0; i < ROUNDS; i++)
		n_fewer = unwind_with(f->unwinder, &taken[0],
				      1000 + (uint32_t)i, frames);
	miss_us = (now_us() - start) / ROUNDS;
	assert_int_equal(n, n_fewer);
	print_message("speed: %u frames, hit %.3f us, miss %.2f us\n", n,
		      hit_us, miss_us);
	assert_true(hit_us < miss_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deep_stack, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_signal_frame, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_frame, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_null_call, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recipes_agree, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_speed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
