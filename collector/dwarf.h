// SPDX-License-Identifier: Apache-2.0
//
// A reader of DWARF's numbers that stays inside its bytes: once it was asked
// for more than there is, or for what can't be, it is bad, and everything reads
// as 0. Pure; one thread at a time per reader.
#ifndef CPROF_COLLECTOR_DWARF_H
#define CPROF_COLLECTOR_DWARF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// x86-64's, as rows have them.
#define DWARF_REG_RBP 6u
#define DWARF_REG_RSP 7u

// Bytes not yet read.
struct dwarf_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool is_bad;
};

// A little-endian number of N_BYTES (its first 8).
uint64_t dwarf_take(struct dwarf_reader *r, size_t n_bytes);
uint64_t dwarf_take_uleb(struct dwarf_reader *r);
int64_t dwarf_take_sleb(struct dwarf_reader *r);
// A register that exists; else the reader is bad.
uint32_t dwarf_take_register(struct dwarf_reader *r);
// Bytes with their length before them: an expression.
struct dwarf_reader dwarf_take_block(struct dwarf_reader *r);
// A pointer of .eh_frame in ENCODING (DW_EH_PE_*), whose own address is VADDR.
// Relative to nothing, or to itself; 0 for others, which no linker writes here.
uint64_t dwarf_take_pointer(struct dwarf_reader *r, uint8_t encoding,
			    uint64_t vaddr);

#endif
