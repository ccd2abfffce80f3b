// SPDX-License-Identifier: Apache-2.0
//
// Words that are read, changed and written at once. While the process has one
// thread only its own signal handlers can come in between, and one instruction
// is enough to keep them out: without the lock prefix, which costs 5 ns by
// itself and lets nothing behind it begin before all in front of it is done. In
// exact mode a malloc and free pair has eight of them.
//
// For words that nobody but threads of this process changes in the state they
// are expected in: what the collector writes in the region (a swept slot, a
// stripe whose owner is gone) it finds in another state. It is libc that says
// whether there is one thread, and its own malloc that relies on it.
// Any thread, async-signal-safe. All are relaxed but for what is said.
#ifndef CPROF_PRELOAD_RMW_H
#define CPROF_PRELOAD_RMW_H

#include "preload/sys.h"

#include <stdatomic.h>

// NAME_by() is told whether there is one thread, by who asked just now and has
// more than one word to change.

// Adds N to *X: what it was.
static inline uint64_t rmw_add_by(bool is_alone, _Atomic uint64_t *x,
				  uint64_t n)
{
	if (!is_alone)
		return atomic_fetch_add_explicit(x, n, memory_order_relaxed);
	return arch_add(x, n);
}

static inline uint64_t rmw_add(_Atomic uint64_t *x, uint64_t n)
{
	return rmw_add_by(sys_is_single_threaded(), x, n);
}

// NAME_by(is_alone, x, expected, desired) makes *X DESIRED if it is *EXPECTED,
// and tells in *EXPECTED what it was if not. True: done, with acquire.
#define RMW_CAS(name, arch_name, type)                                      \
	static inline bool name##_by(bool is_alone, _Atomic type *x,        \
				     type *expected, type desired)          \
	{                                                                   \
		if (!is_alone)                                              \
			return atomic_compare_exchange_strong_explicit(     \
				x, expected, desired, memory_order_acquire, \
				memory_order_relaxed);                      \
		return arch_name(x, expected, desired);                     \
	}
RMW_CAS(rmw_cas8, arch_cas8, uint8_t)
RMW_CAS(rmw_cas32, arch_cas32, uint32_t)
RMW_CAS(rmw_cas64, arch_cas64, uint64_t)

#endif
