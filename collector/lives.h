// SPDX-License-Identifier: Apache-2.0
//
// Which image an address belonged to at a given generation: intervals of
// addresses and of generations. A generation is even, or odd while a dlclose
// runs. What a look at maps showed is certain; what an unload record told is
// certain; between them nobody knows, and then the answer is 0, not a guess.
// Knows images only as numbers. One thread at a time.
#ifndef CPROF_COLLECTOR_LIVES_H
#define CPROF_COLLECTOR_LIVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Invariants: start < limit; first_seen <= last_seen <= until; an open one has
// until == LIFE_OPEN, unless its end was announced (is_exact).
struct life {
	uint64_t start; // limit is exclusive
	uint64_t limit;
	uint32_t image; // its id
	uint32_t first_seen;
	uint32_t last_seen;
	uint32_t until; // last generation it may have been there
	bool is_exact;	// until is what an unload record told
	bool is_kept;	// seen by the refresh that is going on
};
#define LIFE_OPEN UINT32_MAX

// Closed lives kept; a record comes from the past few seconds at most.
#define LIVES_CLOSED_MAX 4096u

struct lives {
	struct life *open; // sorted by start, disjoint
	size_t n_open;
	size_t open_capacity;
	struct life *closed; // a ring, oldest overwritten
	size_t n_closed;     // ever closed
	uint32_t last_until; // of all closed: later records need no search
	size_t n_added;	     // at the end of open, since lives_begin()
};

void lives_fini(struct lives *l);

// A refresh: begin, then for each mapping keep or add, then end, which closes
// what was not kept and returns how many that were.
void lives_begin(struct lives *l);
// The open life of exactly [start, limit), or NULL.
struct life *lives_at(struct lives *l, uint64_t start, uint64_t limit);
void lives_keep(struct life *life, uint32_t generation);
// 0 or -ENOMEM.
int lives_add(struct lives *l, const struct life *life);
size_t lives_end(struct lives *l);

// The life's end was announced: IMAGE is gone after GENERATION. False when no
// open or just closed life of it was there to end.
bool lives_unload(struct lives *l, uint32_t image, uint32_t generation);
// Adds a life that no refresh ever saw. 0 or -ENOMEM.
int lives_add_closed(struct lives *l, const struct life *life);

// The image at ADDR when the generation was GENERATION; 0 = nobody knows.
uint32_t lives_find(const struct lives *l, uint64_t addr, uint32_t generation);

// Validates the invariants; for tests.
bool lives_check(const struct lives *l);

#endif
