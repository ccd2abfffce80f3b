// SPDX-License-Identifier: Apache-2.0
//
// The platform: raw system calls, the clock, and the one instruction C has no
// word for. Nothing here touches errno, and everything is async-signal-safe and
// may run in any thread. What differs between machines is in arch_*.h.
//
// Raw calls, not libc's: libc's wrappers set errno and are cancellation points,
// and the shim must not be seen doing either.
#ifndef CPROF_PRELOAD_SYS_H
#define CPROF_PRELOAD_SYS_H

#include "preload/arch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define COLD	    __attribute__((noinline, cold))
// As rare as COLD by default, but not in exact mode: made quick, not small.
#define NOINLINE __attribute__((noinline))
// A part of one caller, or made for the constants that each passes.
#define INLINE inline __attribute__((always_inline))
#define EXPORT __attribute__((visibility("default")))

#define SYS_ARG(x) ((long)(x))
#define SYS_SIX(nr, a, b, c, d, e, f, ...)                                 \
	arch_call6(nr, (const long[6]){SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), \
				       SYS_ARG(d), SYS_ARG(e), SYS_ARG(f)})
// sys_call(SYS_name, args...): its result, or negative errno. Missing arguments
// are 0.
#define sys_call(...) SYS_SIX(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

// Runs RUN(ARG), which must not return, on the stack that ends at STACK_END (a
// multiple of 16) in a new process; FLAGS are clone(2)'s, and X_TID is the word
// of CLONE_CHILD_CLEARTID. The pid, or negative errno. For children that share
// this memory and run at once with the host: they have the caller's
// thread-local storage too, so libc's clone(), which may set errno in it, is
// not for them.
static inline long sys_clone(unsigned long flags, void *stack_end,
			     _Atomic uint32_t *x_tid, void (*run)(void *),
			     void *arg)
{
	return arch_clone(flags, stack_end, x_tid, run, arg);
}

// <sys/single_threaded.h>; weak, since an older libc or another has none.
extern char __libc_single_threaded __attribute__((weak));

// True: libc knows of no other thread in this process.
static inline bool sys_is_single_threaded(void)
{
	return &__libc_single_threaded && __libc_single_threaded;
}

static inline uint64_t sys_ns_of(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

// memcpy for bytes that aren't ours: libc's may be a sanitizer's, which would
// find the guard zones of the host's stack in a copy of it, and races between
// the threads that write to a ring.
static inline void sys_copy(void *to, const void *from, size_t n)
{
	arch_copy(to, from, n);
}

// CLOCK_MONOTONIC in nanoseconds, by the vDSO (25 ns). For hooks, where the
// host has chosen the moment: not in signal handlers, nor in what they call,
// since the TSC it reads may be forbidden to the host just then (PR_SET_TSC).
// Nor in seccomp's strict mode, which forbids it as well: callers look at
// state_is_sandboxed().
static inline uint64_t sys_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return sys_ns_of(&t);
}

// The same by a system call, for everywhere else.
static inline uint64_t sys_slow_now_ns(void)
{
	struct timespec t;

	(void)sys_call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	return sys_ns_of(&t);
}

// The same as of the last jiffy, 1 to 10 ms ago: neither TSC nor system call.
static inline uint64_t sys_coarse_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return sys_ns_of(&t);
}

// Sleeps for NS, less than a second. Never in a hook that may not wait.
static inline void sys_pause_ns(long ns)
{
	struct timespec t = {0, ns};

	(void)sys_call(SYS_nanosleep, &t, 0);
}

// Closes FD unless it is negative.
static inline void sys_close(int fd)
{
	if (fd >= 0)
		(void)sys_call(SYS_close, fd);
}

// Compares and swaps 16 bytes at P (16-byte aligned), as one full barrier.
// Writes what was there to *EXPECTED when it differed. True when swapped.
static inline bool sys_cas128(unsigned __int128 *p, unsigned __int128 *expected,
			      unsigned __int128 desired)
{
	return arch_cas128(p, expected, desired);
}

#endif
