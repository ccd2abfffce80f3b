// SPDX-License-Identifier: Apache-2.0
//
// A copy of an array as it was at one moment, made in pieces. Between two of
// them the array's owner goes on changing it, and has what it is about to
// change copied first (copy on write). So however long the array is, nobody
// waits for longer than a piece takes. Elements are added at the array's end;
// they are removed or moved only while no copy is made. The array itself may
// move.
//
// The owner keeps the list of the copies that are being made. A copy has two
// references, the owner's while it is in the list and the taker's, so that
// either may end first. Everything but cow_populate(), cow_elements() and
// cow_unref() needs the owner's lock.
#ifndef CPROF_COLLECTOR_COW_H
#define CPROF_COLLECTOR_COW_H

#include <stdbool.h>
#include <stddef.h>

struct cow;

// A copy of N elements of ELEMENT_BYTES begins. NULL: no memory.
struct cow *cow_begin(struct cow **list, size_t n, size_t element_bytes);

// Element I of ARRAY is about to change; for cow_touch().
void cow_keep(struct cow **list, const void *array, size_t i);

// The owner calls it before each change of an element that was there.
static inline void cow_touch(struct cow **list, const void *array, size_t i)
{
	if (*list)
		cow_keep(list, array, i);
}

// Copies about N_BYTES more of ARRAY. True: the copy is whole, and the owner
// has let go of it.
bool cow_step(struct cow **list, struct cow *c, const void *array,
	      size_t n_bytes);

// A copy is being made: elements must stay where they are.
bool cow_is_any(struct cow **list);

// The owner ends, and its array with it.
void cow_end(struct cow **list);

// Gets memory for the whole copy, so that no step has to wait for it.
void cow_populate(struct cow *c);

// Elements of the copy.
size_t cow_count(const struct cow *c);
// The whole copy's elements, the caller's from now on, to be freed.
void *cow_elements(struct cow *c);

// The taker is done, whether the copy is whole or not. NULL is none.
void cow_unref(struct cow *c);

// The most bytes that one call of cow_step() or cow_keep() has copied to C.
size_t cow_longest_bytes(const struct cow *c);

#endif
