// SPDX-License-Identifier: Apache-2.0
//
// What is reserved can't be touched: memory that could be written would count
// in full where the kernel promises no more than it has
// (vm.overcommit_memory=2).
#include "collector/shared.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define FIRST_BYTES (64u << 10)

// In front of the memory; a line of its own, since readers count there.
struct head {
	_Alignas(64) size_t n_bytes; // with the head
	size_t n_usable;	     // of them; the owner's
	_Atomic size_t x_refs;
};

static struct head *head_of(void *memory)
{
	return (struct head *)memory - 1;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

void *shared_new(size_t n_bytes)
{
	struct head *h;

	if (__builtin_add_overflow(n_bytes, sizeof(*h), &n_bytes))
		return NULL;
	h = mmap(NULL, n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (h == MAP_FAILED)
		return NULL;
	if (mprotect(h, smaller(FIRST_BYTES, n_bytes),
		     PROT_READ | PROT_WRITE)) {
		(void)munmap(h, n_bytes);
		return NULL;
	}
	h->n_bytes = n_bytes;
	h->n_usable = smaller(FIRST_BYTES, n_bytes);
	atomic_init(&h->x_refs, 1);
	return h + 1;
}

int shared_grow(void *memory, size_t n_bytes)
{
	struct head *h = head_of(memory);
	size_t n = h->n_usable;

	if (n_bytes > h->n_bytes - sizeof(*h))
		return -ENOMEM;
	while (n - sizeof(*h) < n_bytes)
		n = smaller(2 * n, h->n_bytes);
	if (n == h->n_usable)
		return 0;
	if (mprotect(h, n, PROT_READ | PROT_WRITE))
		return -errno;
	h->n_usable = n;
	return 0;
}

void *shared_ref(void *memory)
{
	if (memory)
		atomic_fetch_add_explicit(&head_of(memory)->x_refs, 1,
					  memory_order_relaxed);
	return memory;
}

void shared_unref(void *memory)
{
	// acq_rel: whoever unmaps comes after all who have read
	if (memory && atomic_fetch_sub_explicit(&head_of(memory)->x_refs, 1,
						memory_order_acq_rel) == 1)
		(void)munmap(head_of(memory), head_of(memory)->n_bytes);
}
