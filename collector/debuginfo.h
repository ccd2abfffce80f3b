// SPDX-License-Identifier: Apache-2.0
//
// What one ELF file tells about its addresses: DWARF (in the file or in a
// separate debug file found by build-id or debug link) and symbols, by
// elfutils. Addresses are those of the file. Answers are borrowed from the
// struct. One thread at a time.
#ifndef CPROF_COLLECTOR_DEBUGINFO_H
#define CPROF_COLLECTOR_DEBUGINFO_H

#include "collector/scopes.h"

#include <stdbool.h>
#include <stdint.h>

struct elf_file;
struct debuginfo;

// FETCHED_FD: its debug file, for when none is found on this machine; the
// caller's, or -1. NULL: no memory, or nothing can be read of FILE.
struct debuginfo *debuginfo_new(const struct elf_file *file, int fetched_fd);
void debuginfo_free(struct debuginfo *d);

bool debuginfo_has_dwarf(const struct debuginfo *d);

// The calls at VADDR, innermost inlined function first, at most N_MAX; 0 when
// it has no name.
uint32_t debuginfo_lines(struct debuginfo *d, uint64_t vaddr, uint32_t n_max,
			 struct scopes_line *ret_lines);

#endif
