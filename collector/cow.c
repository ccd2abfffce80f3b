// SPDX-License-Identifier: Apache-2.0
//
// Chunks of some KiB: a change of one row copies its neighbours as well, once,
// which costs less than to remember each row by itself.
#include "collector/cow.h"

#include "collector/mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK 128u // elements

// Chunks before next_chunk are copied, and those that are marked; n_left is the
// number of all others.
struct cow {
	struct cow *next; // of the owner's list
	_Atomic uint32_t x_refs;
	size_t n;
	size_t element_bytes;
	size_t n_left;
	size_t next_chunk;
	size_t longest_bytes;
	char *elements;
	bool is_copied[]; // by chunk
};

static size_t n_chunks(size_t n)
{
	return (n + CHUNK - 1) / CHUNK;
}

static bool is_dropped(struct cow *c)
{
	// Acquire pairs with the taker's release: it is done with C.
	return atomic_load_explicit(&c->x_refs, memory_order_acquire) == 1;
}

// Takes those out of LIST that their takers have dropped, and GONE.
static void clean(struct cow **list, const struct cow *gone)
{
	while (*list) {
		struct cow *c = *list;

		if (c != gone && !is_dropped(c)) {
			list = &c->next;
			continue;
		}
		*list = c->next;
		cow_unref(c);
	}
}

struct cow *cow_begin(struct cow **list, size_t n, size_t element_bytes)
{
	struct cow *c = calloc(1, sizeof(*c) + n_chunks(n));

	if (!c)
		return NULL;
	c->elements = reallocarray(NULL, n ? n : 1, element_bytes);
	if (!c->elements) {
		free(c);
		return NULL;
	}
	c->n = n;
	c->element_bytes = element_bytes;
	c->n_left = n_chunks(n);
	atomic_init(&c->x_refs, 2);
	clean(list, NULL);
	c->next = *list;
	*list = c;
	return c;
}

// Returns the number of bytes.
static size_t copy_chunk(struct cow *c, const void *array, size_t chunk)
{
	size_t first = chunk * CHUNK;
	size_t n = c->n - first < CHUNK ? c->n - first : CHUNK;
	size_t at = first * c->element_bytes;

	if (c->is_copied[chunk])
		return 0;
	memcpy(c->elements + at, (const char *)array + at,
	       n * c->element_bytes);
	c->is_copied[chunk] = true;
	c->n_left--;
	return n * c->element_bytes;
}

static void note(struct cow *c, size_t n_bytes)
{
	if (c->longest_bytes < n_bytes)
		c->longest_bytes = n_bytes;
}

void cow_keep(struct cow **list, const void *array, size_t i)
{
	clean(list, NULL);
	for (struct cow *c = *list; c; c = c->next)
		if (i < c->n)
			note(c, copy_chunk(c, array, i / CHUNK));
}

bool cow_step(struct cow **list, struct cow *c, const void *array,
	      size_t n_bytes)
{
	size_t n = 0;

	for (; c->n_left && n < n_bytes; c->next_chunk++)
		n += copy_chunk(c, array, c->next_chunk);
	note(c, n);
	if (c->n_left)
		return false;
	clean(list, c);
	return true;
}

bool cow_is_any(struct cow **list)
{
	clean(list, NULL);
	return *list;
}

void cow_end(struct cow **list)
{
	while (*list)
		clean(list, *list);
}

void cow_populate(struct cow *c)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = ((uintptr_t)c->elements + page - 1) & -page;
	uintptr_t end =
		((uintptr_t)c->elements + c->n * c->element_bytes) & -page;

	// It changes no byte, so the owner may be copying meanwhile. Kernels
	// before 5.14 don't know it: then the steps find the memory.
	if (first < end)
		(void)madvise((void *)first, end - first, MADV_POPULATE_WRITE);
}

size_t cow_count(const struct cow *c)
{
	return c->n;
}

void *cow_elements(struct cow *c)
{
	void *elements = c->elements;

	ASSERT(!c->n_left);
	c->elements = NULL;
	return elements;
}

size_t cow_longest_bytes(const struct cow *c)
{
	return c->longest_bytes;
}

void cow_unref(struct cow *c)
{
	// Release: what this one did comes before the free, or before the owner
	// sees that C was dropped; acquire: so does what the other one did.
	if (!c ||
	    atomic_fetch_sub_explicit(&c->x_refs, 1, memory_order_acq_rel) != 1)
		return;
	free(c->elements);
	free(c);
}
