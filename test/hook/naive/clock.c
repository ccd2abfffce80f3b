// SPDX-License-Identifier: Apache-2.0
//
// Naive: reads the clock in every malloc.
#include "test/hook/naive/naive.h"

#include <time.h>

static volatile long last_ns;

void *malloc(size_t n)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	last_ns = t.tv_nsec;
	return __libc_malloc(n);
}
