// SPDX-License-Identifier: Apache-2.0
//
// Waits, threads, marks, CPU time and memory that are known. Begins with a line
// on stdin, prints the length of each wait as it was seen from outside the lock
// ("wait_ns 100123456"), and ends with another line.
#include "preload/cprof.h"
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_WAITS = 5, HOLD_MS = 60, N_BLOCKS = 64, BLOCK_BYTES = 1 << 20 };

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t round_begins;

__attribute__((noinline)) static void *hold(void *arg)
{
	pthread_setname_np(pthread_self(), "holder");
	for (int i = 0; i < N_WAITS; i++) {
		pthread_mutex_lock(&m);
		cprof_mark("it is \"held\"");
		pthread_barrier_wait(&round_begins);
		usleep(HOLD_MS * 1000);
		pthread_mutex_unlock(&m);
		pthread_barrier_wait(&round_begins);
	}
	return arg;
}

__attribute__((noinline)) static void *want(void *arg)
{
	pthread_setname_np(pthread_self(), "waiter");
	for (int i = 0; i < N_WAITS; i++) {
		double start_s;

		pthread_barrier_wait(&round_begins);
		start_s = host_now_s();
		pthread_mutex_lock(&m);
		printf("wait_ns %.0f\n", (host_now_s() - start_s) * 1e9);
		pthread_mutex_unlock(&m);
		pthread_barrier_wait(&round_begins);
	}
	return arg;
}

__attribute__((noinline)) static void *burn(void *arg)
{
	pthread_setname_np(pthread_self(), "burner");
	host_burn_cpu_s(0.3);
	return arg;
}

int main(void)
{
	void *(*const runs[])(void *) = {hold, want, burn};
	char *blocks[N_BLOCKS];
	pthread_t threads[3];

	pthread_barrier_init(&round_begins, NULL, 2);
	printf("ready\n");
	fflush(stdout);
	(void)!getchar();
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, runs[i], NULL);
	for (int i = 0; i < N_BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_BYTES);
		memset(blocks[i], 1, BLOCK_BYTES);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < N_BLOCKS; i++)
		free(blocks[i]);
	printf("done\n");
	fflush(stdout);
	(void)!getchar();
	return 0;
}
