// SPDX-License-Identifier: Apache-2.0
//
// The unwind tables that profiled processes walk with (proto/walk.h): compiled
// once for each file, kept in one arena that all processes map read-only. A
// table is there as long as a process's index names it, and after that until
// its room is needed: a program that starts again finds it ready.
//
// Any thread; the lock has rank 38.
#ifndef CPROF_COLLECTOR_WALKTAB_H
#define CPROF_COLLECTOR_WALKTAB_H

#include "collector/elf_file.h"
#include "collector/pool.h"

struct walktab;	 // one table
struct walktabs; // all of them

// Tables are compiled by POOL's threads. NULL: no memory, or the system has no
// memfd that can be sealed; then nobody walks.
struct walktabs *walktab_new(struct pool *pool);
// No job runs any more.
void walktab_free(struct walktabs *t);

// The arena's descriptor, borrowed: for a process to map. Nobody but the
// collector can write to it.
int walktab_fd(const struct walktabs *t);
const unsigned char *walktab_arena(const struct walktabs *t);

// Moves when a table has become ready, or turned out not to be had.
uint32_t walktab_changes(const struct walktabs *t);

// The table of FILE, with a reference; when there is none it will be compiled.
// NULL: no memory.
struct walktab *walktab_ref(struct walktabs *t, struct elf_file *file);
void walktab_unref(struct walktabs *t, struct walktab *tab);

// Where it is. Constant while there is a reference.
struct walktab_place {
	uint64_t offset;     // in the arena
	uint64_t limit;	     // where it ends
	uint64_t base_vaddr; // in the file
	uint32_t n_blocks;
	uint32_t n_rows;
};
// False: it is not ready, or can't be had.
bool walktab_place(struct walktabs *t, const struct walktab *tab,
		   struct walktab_place *ret);
// True while it is still being made.
bool walktab_is_wanted(struct walktabs *t, const struct walktab *tab);

#endif
