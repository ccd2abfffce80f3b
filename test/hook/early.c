// SPDX-License-Identifier: Apache-2.0
//
// Linked with plugin/early.so, whose constructor takes memory and locks, starts
// threads, forks and handles signals before the shim's constructor has run.
// Good: all of it worked, and so does the same after it.
#include "test/lib/host.h"

#include <stdlib.h>

extern int early_error, early_n_threads;

__attribute__((noinline)) static void allocate_after(void)
{
	for (int i = 0; i < 1000; i++)
		free(malloc(1000));
}

int main(void)
{
	allocate_after();
	return host_verdict(early_error || early_n_threads != 5,
			    "error=%d threads=%d", early_error,
			    early_n_threads);
}
