// SPDX-License-Identifier: Apache-2.0
//
// Built with AddressSanitizer and with ThreadSanitizer: threads hand a buffer
// around by a mutex and a condition variable, allocate, and keep arrays on the
// stack (with guard zones between them). Good: not a report of either.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { N_THREADS = 3, N_ROUNDS = 60, N_BYTES = 400 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_turn = PTHREAD_COND_INITIALIZER;
static char *shared; // its holder's, after the wait
static int turn;

static int pass_on(int me)
{
	char mine[N_BYTES];
	volatile char here[24] = {0};
	char *fresh = malloc(N_BYTES);

	here[0] = (char)me;
	memset(fresh, me, N_BYTES);
	pthread_mutex_lock(&lock);
	while (turn % N_THREADS != me)
		pthread_cond_wait(&is_turn, &lock);
	memcpy(mine, shared, N_BYTES);
	free(shared);
	shared = fresh;
	turn++;
	pthread_cond_broadcast(&is_turn);
	pthread_mutex_unlock(&lock);
	return mine[N_BYTES - 1] + here[0];
}

static void *work(void *arg)
{
	long sum = 0;

	for (int i = 0; i < N_ROUNDS; i++) {
		sum += pass_on((int)(long)arg);
		host_burn_cpu_s(0.001);
	}
	return (void *)sum;
}

int main(void)
{
	pthread_t threads[N_THREADS];
	long sum = 0;

	shared = calloc(1, N_BYTES);
	for (long i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (int i = 0; i < N_THREADS; i++) {
		void *one;

		pthread_join(threads[i], &one);
		sum += (long)one;
	}
	free(shared);
	// Each sees what its predecessor wrote, but for the first of all.
	return host_verdict(sum != 2 * 3 * N_ROUNDS - 2, "sum=%ld", sum);
}
