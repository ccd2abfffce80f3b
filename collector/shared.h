// SPDX-License-Identifier: Apache-2.0
//
// Memory for an array that only grows: addresses are reserved once for its
// largest size, and memory as it is needed, so it never moves, and what is in
// it never changes. Others may then go on reading what was there when they took
// their reference, while the owner, one thread at a time, writes behind it: a
// copy that costs nothing. References: any thread.
#ifndef CPROF_COLLECTOR_SHARED_H
#define CPROF_COLLECTOR_SHARED_H

#include <stddef.h>

// Room for N_BYTES, none of which can be used yet, with one reference; NULL: no
// memory.
void *shared_new(size_t n_bytes);

// The first N_BYTES of MEMORY can be used from now on, zeroes where they could
// not before. The owner only. 0 or negative errno.
int shared_grow(void *memory, size_t n_bytes);

// Another reference to MEMORY (NULL: none), which it returns.
void *shared_ref(void *memory);

// Gives a reference back; with the last one the memory goes. NULL is none.
void shared_unref(void *memory);

#endif
