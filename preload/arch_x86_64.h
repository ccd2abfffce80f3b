// SPDX-License-Identifier: Apache-2.0
//
// x86-64. Included by preload/arch.h only, which says what these do.
#ifndef CPROF_PRELOAD_ARCH_X86_64_H
#define CPROF_PRELOAD_ARCH_X86_64_H

#include "proto/arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

static inline long arch_call6(long nr, const long a[6])
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline long arch_clone(unsigned long flags, void *stack_end,
			      _Atomic uint32_t *x_tid, void (*run)(void *),
			      void *arg)
{
	register long r10 __asm__("r10") = (long)x_tid;
	register long r8 __asm__("r8") = 0;
	void **top = stack_end;
	long ret;

	*--top = arg;
	*--top = (void *)run;
	__asm__ volatile("syscall\n\t"
			 "test %0, %0\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "pop %%rax\n\t"
			 "pop %%rdi\n\t"
			 "call *%%rax\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(ret)
			 : "0"(SYS_clone), "D"(flags), "S"(top), "d"(0),
			   "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}

// As quick as libc's but for a few ns.
static inline void arch_copy(void *to, const void *from, size_t n)
{
	__asm__ volatile("rep movsb"
			 : "+D"(to), "+S"(from), "+c"(n)
			 :
			 : "memory");
}

static inline bool arch_cas128(unsigned __int128 *p,
			       unsigned __int128 *expected,
			       unsigned __int128 desired)
{
	uint64_t lo = (uint64_t)*expected, hi = (uint64_t)(*expected >> 64);
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*p), "+a"(lo), "+d"(hi)
			 : "b"((uint64_t)desired),
			   "c"((uint64_t)(desired >> 64))
			 : "memory");
	*expected = (unsigned __int128)hi << 64 | lo;
	return done;
}

// One instruction, so that a signal handler that allocates can't come between
// reading and writing; gcc makes three of it.
static inline bool arch_count_down(uint64_t *left, uint64_t n)
{
	bool is_due;

	__asm__("subq %2, %1" : "=@ccbe"(is_due), "+m"(*left) : "r"(n));
	if (__builtin_expect(is_due, 0))
		*left += n;
	return is_due;
}

static inline uint64_t arch_add(_Atomic uint64_t *x, uint64_t n)
{
	__asm__ volatile("xaddq %0, %1" : "+r"(n), "+m"(*(uint64_t *)x));
	return n;
}

#define ARCH_CAS(name, type)                                                   \
	static inline bool name(_Atomic type *x, type *expected, type desired) \
	{                                                                      \
		bool is_done;                                                  \
                                                                               \
		__asm__ volatile("cmpxchg %3, %1"                              \
				 : "=@ccz"(is_done), "+m"(*(type *)x),         \
				   "+a"(*expected)                             \
				 : "r"(desired)                                \
				 : "memory");                                  \
		return is_done;                                                \
	}
ARCH_CAS(arch_cas8, uint8_t)
ARCH_CAS(arch_cas32, uint32_t)
ARCH_CAS(arch_cas64, uint64_t)
#undef ARCH_CAS

// rbx rbp rsp r12..r15 and the pc.
#define arch_registers(regs)                        \
	__asm__ volatile("movq %%rbx, 24(%0)\n\t"   \
			 "movq %%rbp, 48(%0)\n\t"   \
			 "movq %%rsp, 56(%0)\n\t"   \
			 "movq %%r12, 96(%0)\n\t"   \
			 "movq %%r13, 104(%0)\n\t"  \
			 "movq %%r14, 112(%0)\n\t"  \
			 "movq %%r15, 120(%0)\n\t"  \
			 "leaq 0(%%rip), %%rax\n\t" \
			 "movq %%rax, 128(%0)"      \
			 :                          \
			 : "r"(regs)                \
			 : "rax", "memory")

static inline void arch_context(const ucontext_t *uc,
				uint64_t regs[RECORD_REGS])
{
	static const uint8_t greg_of[RECORD_REGS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
		REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};

	for (int i = 0; i < RECORD_REGS; i++)
		regs[i] = (uint64_t)uc->uc_mcontext.gregs[greg_of[i]];
}

// What a system call that the signal ended returns; anything, where it ended
// none.
static inline long arch_result(const ucontext_t *uc)
{
	return (long)uc->uc_mcontext.gregs[REG_RAX];
}

#endif
