// SPDX-License-Identifier: Apache-2.0
//
// The functions of one file's DWARF by address, and the inlined calls in them.
// Addresses are DWARF's own. Text is libdw's, as long as the Dwarf. One thread
// at a time.
#ifndef CPROF_COLLECTOR_SCOPES_H
#define CPROF_COLLECTOR_SCOPES_H

#include <elfutils/libdw.h>
#include <stdint.h>

struct scopes_line {
	const char *name;    // as in the source, NULL when unknown
	const char *linkage; // as the linker has it, NULL when the same
	const char *folder;  // what FILE is relative to, NULL when to none
	const char *file;    // NULL when unknown
	int64_t line;
	int64_t start_line;
};

struct scopes;

// Finds the units of DWARF; their functions are read when asked for. PATH.dwp
// may have what they were split off. NULL: no memory; little memory: fewer
// units.
struct scopes *scopes_new(Dwarf *dwarf, const char *path);
void scopes_free(struct scopes *s);

// The calls at ADDR, innermost inlined function first, at most N_MAX; 0 when it
// is in no function.
uint32_t scopes_lines(struct scopes *s, uint64_t addr, uint32_t n_max,
		      struct scopes_line *ret_lines);

// Sets folder, file and line of *LINE to those of ADDR, which may be outside
// all functions, where they are known.
void scopes_position(const struct scopes *s, uint64_t addr,
		     struct scopes_line *line);

#endif
