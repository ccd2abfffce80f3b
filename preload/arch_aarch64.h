// SPDX-License-Identifier: Apache-2.0
//
// 64-bit ARM. Included by preload/arch.h only, which says what these do. Plain
// ARMv8.0: a program may run on a machine without LSE.
#ifndef CPROF_PRELOAD_ARCH_AARCH64_H
#define CPROF_PRELOAD_ARCH_AARCH64_H

#include "proto/arch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <ucontext.h>

static inline long arch_call6(long nr, const long a[6])
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a[0];
	register long x1 __asm__("x1") = a[1];
	register long x2 __asm__("x2") = a[2];
	register long x3 __asm__("x3") = a[3];
	register long x4 __asm__("x4") = a[4];
	register long x5 __asm__("x5") = a[5];

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

// Here the word of CLONE_CHILD_CLEARTID is the fifth argument, not the fourth.
static inline long arch_clone(unsigned long flags, void *stack_end,
			      _Atomic uint32_t *x_tid, void (*run)(void *),
			      void *arg)
{
	void **top = (void **)stack_end - 2;
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register long x1 __asm__("x1") = (long)top;
	register long x2 __asm__("x2") = 0;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = (long)x_tid;

	top[0] = (void *)run;
	top[1] = arg;
	__asm__ volatile("svc 0\n\t"
			 "cbnz x0, 1f\n\t"
			 "ldp x1, x0, [sp], #16\n\t"
			 "mov x29, xzr\n\t"
			 "mov x30, xzr\n\t"
			 "blr x1\n\t"
			 "brk 0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}

// By words, then by bytes; volatile, or gcc would call memcpy.
static inline void arch_copy(void *to, const void *from, size_t n)
{
	volatile unsigned char *t = to;
	const volatile unsigned char *f = from;

	for (; n >= 8; n -= 8, t += 8, f += 8) {
		uint64_t word;

		__asm__ volatile("ldr %0, [%2]\n\t"
				 "str %0, [%1]"
				 : "=&r"(word)
				 : "r"(t), "r"(f)
				 : "memory");
	}
	while (n--)
		*t++ = *f++;
}

// A pair that was loaded is only known to be one value when it was stored
// again: what differs is written back as it was.
static inline bool arch_cas128(unsigned __int128 *p,
			       unsigned __int128 *expected,
			       unsigned __int128 desired)
{
	uint64_t old_lo = (uint64_t)*expected;
	uint64_t old_hi = (uint64_t)(*expected >> 64);
	uint64_t new_lo = (uint64_t)desired, new_hi = (uint64_t)(desired >> 64);
	uint64_t lo, hi, to_lo, to_hi;
	uint32_t failed;

	__asm__ volatile("1:\n\t"
			 "ldaxp %0, %1, %5\n\t"
			 "cmp %0, %6\n\t"
			 "ccmp %1, %7, #0, eq\n\t"
			 "csel %2, %8, %0, eq\n\t"
			 "csel %3, %9, %1, eq\n\t"
			 "stlxp %w4, %2, %3, %5\n\t"
			 "cbnz %w4, 1b\n\t"
			 "dmb ish"
			 : "=&r"(lo), "=&r"(hi), "=&r"(to_lo), "=&r"(to_hi),
			   "=&r"(failed), "+Q"(*p)
			 : "r"(old_lo), "r"(old_hi), "r"(new_lo), "r"(new_hi)
			 : "cc", "memory");
	*expected = (unsigned __int128)hi << 64 | lo;
	return lo == old_lo && hi == old_hi;
}

// A handler that allocates between the two may draw a new gap, which is then
// forgotten: gaps have no memory, so the one that is kept is as good.
static inline bool arch_count_down(uint64_t *left, uint64_t n)
{
	uint64_t now = *(volatile uint64_t *)left;

	if (__builtin_expect(now <= n, 0))
		return true;
	*(volatile uint64_t *)left = now - n;
	return false;
}

// There is no cheaper one while there is one thread.
static inline uint64_t arch_add(_Atomic uint64_t *x, uint64_t n)
{
	return atomic_fetch_add_explicit(x, n, memory_order_relaxed);
}

#define ARCH_CAS(name, type)                                                   \
	static inline bool name(_Atomic type *x, type *expected, type desired) \
	{                                                                      \
		return atomic_compare_exchange_strong_explicit(                \
			x, expected, desired, memory_order_acquire,            \
			memory_order_relaxed);                                 \
	}
ARCH_CAS(arch_cas8, uint8_t)
ARCH_CAS(arch_cas32, uint32_t)
ARCH_CAS(arch_cas64, uint64_t)
#undef ARCH_CAS

// x19..x30, sp and the pc.
#define arch_registers(regs)                            \
	__asm__ volatile("stp x19, x20, [%0, #152]\n\t" \
			 "stp x21, x22, [%0, #168]\n\t" \
			 "stp x23, x24, [%0, #184]\n\t" \
			 "stp x25, x26, [%0, #200]\n\t" \
			 "stp x27, x28, [%0, #216]\n\t" \
			 "stp x29, x30, [%0, #232]\n\t" \
			 "mov x16, sp\n\t"              \
			 "adr x17, .\n\t"               \
			 "stp x16, x17, [%0, #248]"     \
			 :                              \
			 : "r"(regs)                    \
			 : "x16", "x17", "memory")

static inline void arch_context(const ucontext_t *uc,
				uint64_t regs[RECORD_REGS])
{
	for (int i = 0; i < RECORD_REG_SP; i++)
		regs[i] = uc->uc_mcontext.regs[i];
	regs[RECORD_REG_SP] = uc->uc_mcontext.sp;
	regs[RECORD_REG_PC] = uc->uc_mcontext.pc;
}

// What a system call that the signal ended returns; anything, where it ended
// none.
static inline long arch_result(const ucontext_t *uc)
{
	return (long)uc->uc_mcontext.regs[0];
}

#endif
