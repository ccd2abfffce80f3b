// SPDX-License-Identifier: Apache-2.0
//
// Memory that is given back all at once: the thousands of small messages of one
// profile. Errors stick, as in buf.h. One thread at a time.
#ifndef CPROF_COLLECTOR_ARENA_H
#define CPROF_COLLECTOR_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks;
	size_t left_bytes; // in the first block
	int error;	   // 0 or -ENOMEM
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);
// N_ITEMS × ITEM_BYTES zero bytes, aligned to 16; NULL when there is no memory
// (now and ever after).
void *arena_get(struct arena *a, size_t n_items, size_t item_bytes);

#endif
