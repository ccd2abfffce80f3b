// SPDX-License-Identifier: Apache-2.0
//
// Put in front of a source file of the shim or the collector by the compiler's
// -include: its accesses to shared memory, by atomics, by memcpy or by the
// 128-bit swap, become steps of an exploration (step.h), and its clock is the
// exploration's. With step_breaks set, what reads and writes at once does it
// one after the other.
#ifndef CPROF_TEST_MODEL_ATOMICS_H
#define CPROF_TEST_MODEL_ATOMICS_H

// What the shim does in a process of one thread is not explored.
#define __libc_single_threaded step_single_threaded

#include "preload/sys.h"
#include "test/model/step.h"

#include <stdatomic.h>
#include <string.h>

#undef atomic_load_explicit
#undef atomic_load
#undef atomic_store_explicit
#undef atomic_exchange
#undef atomic_fetch_add_explicit
#undef atomic_fetch_add
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak_explicit

#define atomic_load_explicit(x, order)                       \
	__extension__({                                      \
		__auto_type at_ = (x);                       \
		__typeof__((void)0, *at_) now_;              \
		step_at((uintptr_t)(at_));                   \
		__atomic_load(at_, &now_, __ATOMIC_SEQ_CST); \
		now_;                                        \
	})
#define atomic_load(x) atomic_load_explicit(x, 0)

#define atomic_store_explicit(x, value, order)                \
	__extension__({                                       \
		__auto_type at_ = (x);                        \
		__typeof__((void)0, *at_) new_ = (value);     \
		step_at((uintptr_t)(at_));                    \
		__atomic_store(at_, &new_, __ATOMIC_SEQ_CST); \
	})

#define STEP_MODIFY(x, make)                                  \
	__extension__({                                       \
		__auto_type at_ = (x);                        \
		__typeof__((void)0, *at_) now_, new_;         \
		step_at((uintptr_t)(at_));                    \
		__atomic_load(at_, &now_, __ATOMIC_SEQ_CST);  \
		if (step_breaks)                              \
			step_at((uintptr_t)(at_));            \
		new_ = (make);                                \
		__atomic_store(at_, &new_, __ATOMIC_SEQ_CST); \
		now_;                                         \
	})
#define atomic_exchange(x, value)	       STEP_MODIFY(x, value)
#define atomic_fetch_add(x, n)		       STEP_MODIFY(x, now_ + (n))
#define atomic_fetch_add_explicit(x, n, order) atomic_fetch_add(x, n)

#define atomic_compare_exchange_strong_explicit(x, expected, value, o1, o2) \
	__extension__({                                                     \
		__auto_type at_ = (x);                                      \
		__auto_type expected_ = (expected);                         \
		__typeof__((void)0, *at_) now_, new_ = (value);             \
		bool done_;                                                 \
		step_at((uintptr_t)(at_));                                  \
		__atomic_load(at_, &now_, __ATOMIC_SEQ_CST);                \
		done_ = now_ == *expected_;                                 \
		*expected_ = now_;                                          \
		if (done_ && step_breaks)                                   \
			step_at((uintptr_t)(at_));                          \
		if (done_)                                                  \
			__atomic_store(at_, &new_, __ATOMIC_SEQ_CST);       \
		done_;                                                      \
	})
#define atomic_compare_exchange_weak_explicit \
	atomic_compare_exchange_strong_explicit

// A macro's own name is not replaced again.
#define __atomic_load_n(x, order) \
	(step_at((uintptr_t)(x)), __atomic_load_n(x, order))

static inline bool step_cas128(unsigned __int128 *x,
			       unsigned __int128 *expected,
			       unsigned __int128 value)
{
	unsigned __int128 now;

	step_at((uintptr_t)(x));
	now = *x;
	if (now != *expected) {
		*expected = now;
		return false;
	}
	if (step_breaks)
		step_at((uintptr_t)(x));
	*x = value;
	return true;
}
#define sys_cas128 step_cas128
#define sys_now_ns step_now_ns

// In halves: whoever may read or write in between will.
static inline void *step_memcpy(void *to, const void *from, size_t n_bytes)
{
	size_t half = n_bytes / 16 * 8;

	step_at((uintptr_t)(to));
	step_at((uintptr_t)(from));
	memcpy(to, from, half);
	step_at((uintptr_t)(to));
	step_at((uintptr_t)(from));
	return (char *)memcpy((char *)to + half, (const char *)from + half,
			      n_bytes - half) -
	       half;
}
#define memcpy step_memcpy

#endif
