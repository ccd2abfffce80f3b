// SPDX-License-Identifier: Apache-2.0
//
// Usage: pairs N: N pairs of malloc and free, then N of lock and unlock of a
// mutex that nobody else wants, each kind in a function of its own, so that
// callgrind can count the instructions of one by its name.
#include <pthread.h>
#include <stdlib.h>

#define BLOCK_BYTES 24

void malloc_pairs(long n);
void lock_pairs(long n);

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

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1;

	// The first of anything is special: thread caches, lazy binding.
	malloc_pairs(1);
	lock_pairs(1);
	malloc_pairs(n);
	lock_pairs(n);
	return 0;
}
