// SPDX-License-Identifier: Apache-2.0
//
// Sizes come from other processes, so every multiplication is checked here,
// once, instead of at each array.
#include "collector/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENAS_MAX     4
#define MMAP_MIN_BYTES (256 << 10)
#define TRIM_MIN_BYTES (512 << 10)

void mem_assert_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "cprofd: %s:%d: assertion '%s' failed\n", file, line,
		what);
	abort();
}

void mem_tune(void)
{
	// libc would make 8 for each CPU, each with its own free memory, and
	// keep what is as large as the largest block that was ever freed. 0: it
	// is another's malloc.
	(void)mallopt(M_ARENA_MAX, ARENAS_MAX);
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_MIN_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, TRIM_MIN_BYTES);
}

// Less than this is better off without: the last one may be nearly empty.
#define LARGE_MIN_BYTES (4u << 20)
#define LARGE_PAGE	(2u << 20)

static void ask_for_large_pages(void *p, size_t n_bytes)
{
	uintptr_t mask = LARGE_PAGE - 1;
	uintptr_t from = ((uintptr_t)p + mask) & ~mask;
	uintptr_t to = ((uintptr_t)p + n_bytes) & ~mask;

	// It is a request: where they are off, or none is free, nothing
	// changes.
	if (n_bytes >= LARGE_MIN_BYTES)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

void *mem_grow(void *array, size_t *capacity, size_t n_needed,
	       size_t element_bytes)
{
	size_t n = *capacity + *capacity / 2;
	size_t n_bytes;
	void *p;

	if (n_needed <= *capacity)
		return array;
	if (n < n_needed)
		n = n_needed;
	if (n < 16)
		n = 16;
	if (__builtin_mul_overflow(n, element_bytes, &n_bytes))
		return NULL;
	p = realloc(array, n_bytes);
	if (!p)
		return NULL;
	*capacity = n;
	ask_for_large_pages(p, n_bytes);
	return p;
}

void *mem_zeroed(size_t n_elements, size_t element_bytes)
{
	void *p = calloc(n_elements, element_bytes);

	if (p)
		ask_for_large_pages(p, n_elements * element_bytes);
	return p;
}

void *mem_copy(const void *array, size_t n_elements, size_t element_bytes)
{
	size_t n_bytes;
	void *p;

	if (__builtin_mul_overflow(n_elements, element_bytes, &n_bytes))
		return NULL;
	p = malloc(n_bytes ? n_bytes : 1);
	if (p && n_bytes)
		memcpy(p, array, n_bytes);
	return p;
}

char *mem_vprintf(const char *format, va_list args)
{
	char *text;

	return vasprintf(&text, format, args) < 0 ? NULL : text;
}
