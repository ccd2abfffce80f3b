// SPDX-License-Identifier: Apache-2.0
#include "collector/shared.h"

#include <stdatomic.h>
#include <sys/mman.h>

// In front of the memory; a line of its own, since readers count there.
struct head {
	_Alignas(64) size_t n_bytes; // with the head
	_Atomic size_t x_refs;
};

static struct head *head_of(void *memory)
{
	return (struct head *)memory - 1;
}

void *shared_new(size_t n_bytes)
{
	struct head *h;

	if (__builtin_add_overflow(n_bytes, sizeof(*h), &n_bytes))
		return NULL;
	h = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h == MAP_FAILED)
		return NULL;
	h->n_bytes = n_bytes;
	atomic_init(&h->x_refs, 1);
	return h + 1;
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
