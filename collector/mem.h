// SPDX-License-Identifier: Apache-2.0
//
// Memory of the collector: growing arrays with checked sizes, and the assertion
// that stays on in release builds. It never aborts for lack of memory: callers
// get NULL and count what they lose. Any thread.
#ifndef CPROF_COLLECTOR_MEM_H
#define CPROF_COLLECTOR_MEM_H

#include <stdarg.h>
#include <stddef.h>

// Cannot happen. Never for input, never for lack of memory.
#define ASSERT(x) ((x) ? (void)0 : mem_assert_failed(#x, __FILE__, __LINE__))

void mem_assert_failed(const char *what, const char *file, int line)
	__attribute__((noreturn, cold));

// For a process of many threads, most of which live as long as a request: few
// arenas, and large blocks that go back to the system when they are freed.
// Before there are threads.
void mem_tune(void);

// ARRAY, made large enough for N_NEEDED elements of ELEMENT_BYTES each (it
// grows by half at least). *CAPACITY is the number of elements there is room
// for. NULL: no memory or an absurd size; ARRAY is then still valid.
void *mem_grow(void *array, size_t *capacity, size_t n_needed,
	       size_t element_bytes);

// As calloc(). What is large has large pages, where the system gives them when
// asked: in a table without order each access would be a miss of the TLB, too.
void *mem_zeroed(size_t n_elements, size_t element_bytes);

// A copy of N_ELEMENTS elements; NULL: no memory. Never NULL for 0 elements.
void *mem_copy(const void *array, size_t n_elements, size_t element_bytes);

// The text that vasprintf makes, to be freed; NULL: no memory.
char *mem_vprintf(const char *format, va_list args)
	__attribute__((format(printf, 1, 0)));

#endif
