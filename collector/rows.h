// SPDX-License-Identifier: Apache-2.0
//
// Compiles the call frame information of one ELF file into the table of
// proto/walk.h: one row for each address where the way to the caller's frame
// changes. What a walk can't follow (a CFA in another register than rsp or rbp,
// unusual expressions, a return address elsewhere) becomes a row without a
// rule. Pure, bounded by the size of the CFI; any thread.
#ifndef CPROF_COLLECTOR_ROWS_H
#define CPROF_COLLECTOR_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

// Owned: rows_fini().
struct rows {
	uint64_t base_vaddr; // addresses are relative to it
	uint32_t *words;     // blocks, pcs, rules, as proto/walk.h says
	uint32_t n_blocks;
	uint32_t n_rows;
};

// 0; -ENOENT when the file has no CFI to speak of; -EFBIG when the table would
// be larger than MAX_BYTES; -ENOMEM.
int rows_compile(const struct elf_file *file, size_t max_bytes,
		 struct rows *ret);
void rows_fini(struct rows *r);

static inline size_t rows_bytes(const struct rows *r)
{
	return (1 + (size_t)r->n_blocks + 2 * (size_t)r->n_rows) * 4;
}

#endif
