// SPDX-License-Identifier: Apache-2.0
//
// Usage: pairs N: N pairs of malloc and free, then N of lock and unlock of a
// mutex that nobody else wants, then N labelled scopes, each kind in a function
// of its own, so that callgrind can count the instructions of one by its name.
#include "preload/cprof.h"

#include <pthread.h>
#include <stdlib.h>

#define BLOCK_BYTES 24

void malloc_pairs(long n);
void lock_pairs(long n);
void label_pairs(long n);

__attribute__((noinline)) void malloc_pairs(long n)
{
	while (n--)
		free(malloc(BLOCK_BYTES));
}

__attribute__((noinline)) void lock_pairs(long n)
{
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

	while (n--) {
		pthread_mutex_lock(&m);
		pthread_mutex_unlock(&m);
	}
}

__attribute__((noinline)) void label_pairs(long n)
{
	while (n--)
		cprof_labels_use(cprof_label("request", "checkout"));
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1;

	// The first of anything is special: thread caches, lazy binding.
	malloc_pairs(1);
	lock_pairs(1);
	label_pairs(1);
	malloc_pairs(n);
	lock_pairs(n);
	label_pairs(n);
	return 0;
}
