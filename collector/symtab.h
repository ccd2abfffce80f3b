// SPDX-License-Identifier: Apache-2.0
//
// The function symbols of one module, sorted by address: .symtab and .dynsym of
// the file, of its separate debug file and of .gnu_debugdata, as libdwfl finds
// them. libdwfl's own look-up walks all symbols each time, too slow for tens of
// thousands of both. One thread at a time.
#ifndef CPROF_COLLECTOR_SYMTAB_H
#define CPROF_COLLECTOR_SYMTAB_H

#include <elfutils/libdwfl.h>
#include <stddef.h>
#include <stdint.h>

struct symtab_entry {
	uint64_t start;
	uint64_t limit;	  // exclusive: by size, else to the section's end
	const char *name; // libdwfl's, as long as the module
	uint8_t rank;	  // lower is a better name
	uint8_t is_sized;
};

struct symtab {
	struct symtab_entry *entries; // sorted by start, one each
	size_t n_entries;
};

// Reads the symbols of MODULE, whose addresses are those of the ELF file. No
// memory: fewer or no symbols.
void symtab_init(struct symtab *t, Dwfl_Module *module);
void symtab_fini(struct symtab *t);

// The symbol that holds ADDR, or NULL.
const struct symtab_entry *symtab_find(const struct symtab *t, uint64_t addr);

#endif
