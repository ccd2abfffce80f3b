// SPDX-License-Identifier: Apache-2.0
//
// Finds the call frame information of a function and looks over it before
// anybody uses it. libunwind 1.6.2 believes register numbers in it that it uses
// as indexes (the return address column, the source of DW_CFA_register): a
// made-up ELF file could crash the collector. What no compiler writes is
// refused; such a function counts as one without CFI. Pure; any thread.
#ifndef CPROF_COLLECTOR_CFI_H
#define CPROF_COLLECTOR_CFI_H

#include "collector/dwarf.h"

struct elf_file;

// A function's CFI: its FDE and what counts of the CIE. Borrowed from the file.
struct cfi_function {
	uint64_t vaddr; // where the function begins, as the FDE says
	uint64_t n_bytes;
	uint64_t code_align;
	int64_t data_align;
	bool is_signal;		     // the frame of a signal handler's caller
	struct dwarf_reader initial; // instructions of the CIE
	struct dwarf_reader own;     // and of the FDE
};

// The index in .eh_frame_hdr's table of the entry that may hold VADDR, after
// its FDE and CIE were found sound. -ENOENT: no entry begins before VADDR.
// -EINVAL: it is not sound.
int cfi_find(const struct elf_file *file, uint64_t vaddr, uint32_t *ret_index);

// Entry INDEX (below file->n_fdes) of the table: the address it is sorted by
// and, in *ret, its function. -EINVAL when the FDE or CIE is not sound.
int cfi_open(const struct elf_file *file, uint32_t index, uint64_t *ret_vaddr,
	     struct cfi_function *ret);

#endif
