// SPDX-License-Identifier: Apache-2.0
//
// Memory for an array that only grows: reserved once at its largest size and
// used page by page, so it never moves, and what is in it never changes. Others
// may then go on reading what was there when they took their reference, while
// the owner, one thread at a time, writes behind it: a copy that costs nothing.
// References: any thread.
#ifndef CPROF_COLLECTOR_SHARED_H
#define CPROF_COLLECTOR_SHARED_H

#include <stddef.h>

// N_BYTES of zeroes, with one reference; NULL: no memory.
void *shared_new(size_t n_bytes);

// Another reference to MEMORY (NULL: none), which it returns.
void *shared_ref(void *memory);

// Gives a reference back; with the last one the memory goes. NULL is none.
void shared_unref(void *memory);

#endif
