// SPDX-License-Identifier: Apache-2.0
//
// Blocks in a list; the first one is being filled.
#include "collector/arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_BYTES ((size_t)256 << 10)
#define ALIGN	    ((size_t)16)

struct arena_block {
	struct arena_block *next;
	size_t n_bytes;
	_Alignas(ALIGN) unsigned char data[];
};

void arena_init(struct arena *a)
{
	*a = (struct arena){0};
}

void arena_fini(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	arena_init(a);
}

static int add_block(struct arena *a, size_t n_bytes)
{
	size_t size = n_bytes > BLOCK_BYTES ? n_bytes : BLOCK_BYTES;
	struct arena_block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		return -ENOMEM;
	b->n_bytes = size;
	b->next = a->blocks;
	a->blocks = b;
	a->left_bytes = size;
	return 0;
}

void *arena_get(struct arena *a, size_t n_items, size_t item_bytes)
{
	size_t n_bytes;
	void *at;

	if (a->error || __builtin_mul_overflow(n_items, item_bytes, &n_bytes) ||
	    n_bytes > SIZE_MAX / 2) {
		a->error = -ENOMEM;
		return NULL;
	}
	n_bytes = (n_bytes + ALIGN - 1) & ~(ALIGN - 1);
	if (n_bytes > a->left_bytes && add_block(a, n_bytes) < 0) {
		a->error = -ENOMEM;
		return NULL;
	}
	at = a->blocks->data + (a->blocks->n_bytes - a->left_bytes);
	a->left_bytes -= n_bytes;
	return at;
}
