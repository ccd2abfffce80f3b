// SPDX-License-Identifier: Apache-2.0
//
// x86-64, by the System V psABI. Included by proto/arch.h only.
#ifndef CPROF_PROTO_ARCH_X86_64_H
#define CPROF_PROTO_ARCH_X86_64_H

#include <stdint.h>

#define ARCH_NAME	  "x86-64"
#define ARCH_ELF_MACHINE  EM_X86_64
#define ARCH_GLIBC_LINKER "ld-linux-x86-64.so.2"

// Stacks are walked in the process, with tables (proto/walk.h).
#define ARCH_HAS_WALK 1

// Call frame information: registers have lower numbers than this, and the
// return address is in that column.
#define ARCH_DWARF_REGISTERS   17u
#define ARCH_DWARF_RETURN_ADDR 16u
// A call leaves its return address in that column's register.
#define ARCH_HAS_RETURN_REG 0

// Registers in DWARF's numbering (figure 3.36): rax rdx rcx rbx rsi rdi rbp rsp
// r8..r15, then the pc as number 16. A capture outside a signal handler fills
// the callee-saved ones, rsp and pc; the others are 0.
enum {
	RECORD_REG_FP = 6,
	RECORD_REG_SP = 7,
	RECORD_REG_PC = 16,
	RECORD_REGS = 17
};

// A code address as it was pushed.
static inline uint64_t arch_plain_addr(uint64_t addr)
{
	return addr;
}

#endif
