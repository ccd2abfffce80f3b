// SPDX-License-Identifier: Apache-2.0
//
// Usage: churn THREADS N: THREADS threads allocate N blocks of 16 bytes to 1
// KiB each, put them into one common table, and free what lay there before:
// with more than one thread, mostly another's.
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { N_SLOTS = 4096, MIN_BYTES = 16, MAX_BYTES = 1024, MAX_THREADS = 1024 };

static _Atomic(char *) x_slots[N_SLOTS];
static long n_blocks;

static void *churn(void *arg)
{
	uint64_t random = 88172645463325252u + (uintptr_t)arg;

	for (long i = 0; i < n_blocks; i++) {
		size_t n;
		char *p;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		n = MIN_BYTES + (random >> 20) % (MAX_BYTES - MIN_BYTES);
		p = malloc(n);
		p[0] = (char)i;
		free(atomic_exchange(&x_slots[random % N_SLOTS], p));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t threads[MAX_THREADS];

	n_blocks = argc > 2 ? atol(argv[2]) : 1000000;
	if (n < 1 || n > MAX_THREADS)
		return 1;
	for (int i = 1; i < n; i++)
		if (pthread_create(&threads[i], NULL, churn,
				   (void *)(intptr_t)i))
			return 1;
	churn(NULL);
	for (int i = 1; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
