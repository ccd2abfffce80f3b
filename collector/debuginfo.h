// SPDX-License-Identifier: Apache-2.0
//
// What one ELF file tells about its addresses: DWARF (in the file or in a
// separate debug file found by build-id or debug link) and symbols, by
// elfutils. Addresses are those of the file. Answers are borrowed from the
// struct. The only includer of libdw. One thread at a time.
#ifndef CPROF_COLLECTOR_DEBUGINFO_H
#define CPROF_COLLECTOR_DEBUGINFO_H

#include <stdint.h>

struct elf_file;
struct debuginfo;

struct debuginfo_line {
	const char *name;    // as in the source, NULL when unknown
	const char *linkage; // as the linker has it, NULL when the same
	const char *file;    // NULL when unknown
	int64_t line;
	int64_t start_line;
};

// NULL: no memory, or nothing can be read of FILE.
struct debuginfo *debuginfo_new(const struct elf_file *file);
void debuginfo_free(struct debuginfo *d);

// The calls at VADDR, innermost inlined function first, at most N_MAX; 0 when
// it has no name.
uint32_t debuginfo_lines(struct debuginfo *d, uint64_t vaddr, uint32_t n_max,
			 struct debuginfo_line *ret_lines);

#endif
