// SPDX-License-Identifier: Apache-2.0
//
// Memory of the report modules. They live in a command that does one thing and
// ends: where there is no memory it says so in one line and exits with 1, so
// that nothing above has to carry on without. One thread. Never in cprofd.
#ifndef CPROF_COLLECTOR_REPORT_MEM_H
#define CPROF_COLLECTOR_REPORT_MEM_H

#include <stddef.h>

// ARRAY with room for N_NEEDED elements; *CAPACITY is how many there is room
// for.
void *report_mem_grow(void *array, size_t *capacity, size_t n_needed,
		      size_t element_bytes);

// N elements of zero bytes; never NULL. The caller frees.
void *report_mem_zero(size_t n, size_t element_bytes);

// A copy of the first N_BYTES of TEXT with a NUL behind. The caller frees.
char *report_mem_text(const char *text, size_t n_bytes);

void report_mem_fail(void) __attribute__((noreturn, cold));

#endif
