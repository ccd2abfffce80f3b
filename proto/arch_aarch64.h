// SPDX-License-Identifier: Apache-2.0
//
// 64-bit ARM, by its DWARF supplement. Included by proto/arch.h only.
#ifndef CPROF_PROTO_ARCH_AARCH64_H
#define CPROF_PROTO_ARCH_AARCH64_H

#include <stdint.h>

#define ARCH_NAME	  "arm64"
#define ARCH_ELF_MACHINE  EM_AARCH64
#define ARCH_GLIBC_LINKER "ld-linux-aarch64.so.1"

// The rules of proto/walk.h are x86-64's: here each stack travels as a copy,
// and the collector unwinds it.
#define ARCH_HAS_WALK 0

// Call frame information: registers have lower numbers than this (v0..v31 are
// 64..95), and the return address is in that column (x30).
#define ARCH_DWARF_REGISTERS   96u
#define ARCH_DWARF_RETURN_ADDR 30u
// A call leaves its return address in that column's register.
#define ARCH_HAS_RETURN_REG 1

// Registers in DWARF's numbering: x0..x30, sp, pc. A capture outside a signal
// handler fills the callee-saved ones, sp and pc; the others are 0.
enum {
	RECORD_REG_FP = 29,
	RECORD_REG_SP = 31,
	RECORD_REG_PC = 32,
	RECORD_REGS = 33
};

// A return address without its signature (PAC), which is in the bits above
// those of an address: 48, of which user space has the lower half.
static inline uint64_t arch_plain_addr(uint64_t addr)
{
	return addr & ((1ull << 47) - 1);
}

#endif
