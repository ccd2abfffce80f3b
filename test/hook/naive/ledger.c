// SPDX-License-Identifier: Apache-2.0
//
// Naive: a ledger of live blocks that gets the order of events wrong.
// NAIVE_RULE=afterfree: a free is entered after the memory was given back, and
// realloc(p, 0) is missed; NAIVE_RULE=forget: realloc forgets the old block
// before the call even when the call fails. Reports at the end.
#include "test/hook/naive/naive.h"

#include <stdatomic.h>

enum { LG_SLOTS = 20, N_SLOTS = 1 << LG_SLOTS };
#define TOMBSTONE ((void *)1)

static struct {
	void *p;
	size_t n_bytes;
} slots[N_SLOTS];
static atomic_flag lock = ATOMIC_FLAG_INIT;
static long n_twice, n_unknown, n_live, live_bytes;
static int is_after_free, is_forget;

static unsigned slot_of(const void *p)
{
	uint64_t hash = ((uintptr_t)p >> 4) * 0x9E3779B97F4A7C15ull;

	return (unsigned)(hash >> (64 - LG_SLOTS));
}

// The slot of P, or the first free one (never both full and without it).
static unsigned find(const void *p)
{
	unsigned i = slot_of(p);

	while (slots[i].p && slots[i].p != p)
		i = (i + 1) % N_SLOTS;
	return i;
}

static void enter(void *p, size_t n_bytes)
{
	unsigned i;

	if (!p)
		return;
	while (atomic_flag_test_and_set(&lock))
		;
	i = find(p);
	if (slots[i].p == p) {
		n_twice++;
		live_bytes -= (long)slots[i].n_bytes;
	} else {
		n_live++;
	}
	slots[i].p = p;
	slots[i].n_bytes = n_bytes;
	live_bytes += (long)n_bytes;
	atomic_flag_clear(&lock);
}

static void leave(const void *p)
{
	unsigned i;

	if (!p)
		return;
	while (atomic_flag_test_and_set(&lock))
		;
	i = find(p);
	if (slots[i].p == p) {
		slots[i].p = TOMBSTONE;
		n_live--;
		live_bytes -= (long)slots[i].n_bytes;
	} else {
		n_unknown++;
	}
	atomic_flag_clear(&lock);
}

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);

	enter(p, n);
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	enter(p, n * size);
	return p;
}

void free(void *p)
{
	if (!is_after_free)
		leave(p);
	__libc_free(p);
	if (is_after_free)
		leave(p);
}

void *realloc(void *old, size_t n)
{
	void *p;

	if (is_forget)
		leave(old);
	p = __libc_realloc(old, n);
	if (!is_forget && p)
		leave(old);
	enter(p, n);
	return p;
}

__attribute__((constructor)) static void start(void)
{
	is_after_free = naive_is("NAIVE_RULE", "afterfree");
	is_forget = naive_is("NAIVE_RULE", "forget");
}

// A file, since the victim may end past every destructor: see report().
static void report(void)
{
	dprintf(2, "[live=%ld bytes=%ld twice=%ld unknown=%ld]\n", n_live,
		live_bytes, n_twice, n_unknown);
}

void _exit(int status)
{
	report();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

__attribute__((destructor)) static void end(void)
{
	report();
}
