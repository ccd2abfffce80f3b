// SPDX-License-Identifier: Apache-2.0
//
// Looks over call frame information before libunwind gets it. libunwind 1.6.2
// believes register numbers in it that it uses as indexes (the return address
// column, the source of DW_CFA_register): a made-up ELF file could crash the
// collector. What no compiler writes is refused; such a function counts as one
// without CFI. Pure; any thread.
#ifndef CPROF_COLLECTOR_CFI_H
#define CPROF_COLLECTOR_CFI_H

#include <stdint.h>

struct elf_file;

// The index in .eh_frame_hdr's table of the entry that may hold VADDR, after
// its FDE and CIE were found sound. -ENOENT: no entry begins before VADDR.
// -EINVAL: it is not sound.
int cfi_find(const struct elf_file *file, uint64_t vaddr, uint32_t *ret_index);

#endif
