// SPDX-License-Identifier: Apache-2.0
//
// A set of things that lie in somebody's array, found by what they hold: hash
// and a comparison of the owner's. One thread.
#ifndef CPROF_COLLECTOR_REPORT_INDEX_H
#define CPROF_COLLECTOR_REPORT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report_index_slot {
	uint64_t hash;
	uint32_t value; // index + 1; 0: free
};

struct report_index {
	struct report_index_slot *slots;
	size_t n_slots; // 0 or a power of two, at most two thirds full
	size_t count;
};

// Whether the thing numbered VALUE is the one that is looked for.
typedef bool report_index_same_fn(void *arg, uint32_t value);

void report_index_fini(struct report_index *x);

// The number of the one with HASH for which SAME is true; UINT32_MAX: none.
uint32_t report_index_find(const struct report_index *x, uint64_t hash,
			   report_index_same_fn *same, void *arg);

// Adds VALUE, which is not in it.
void report_index_add(struct report_index *x, uint64_t hash, uint32_t value);

#endif
