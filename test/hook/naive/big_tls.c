// SPDX-License-Identifier: Apache-2.0
//
// Naive: keeps 16 KiB of events per thread in thread-local storage, which the
// C library takes out of every thread's stack.
#include "test/hook/naive/naive.h"

static NAIVE_TLS volatile char events[16384];
static NAIVE_TLS unsigned n_events;

void *malloc(size_t n)
{
	events[n_events++ % sizeof(events)] = (char)n;
	return __libc_malloc(n);
}
