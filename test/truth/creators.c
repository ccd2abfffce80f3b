// SPDX-License-Identifier: Apache-2.0
//
// Three functions start 7, 40 and 200 threads, at most twenty at a time; the
// last by C11's thrd_create.
#include "test/lib/host.h"

#include <pthread.h>
#include <threads.h>

enum { N_AT_ONCE = 20 };

void create_7(void), create_40(void), create_200(void);

static void *run(void *arg)
{
	return arg;
}

static int run_c11(void *arg)
{
	return arg != NULL;
}

__attribute__((noinline)) void create_7(void)
{
	pthread_t threads[7];

	for (int i = 0; i < 7; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	for (int i = 0; i < 7; i++)
		pthread_join(threads[i], NULL);
}

__attribute__((noinline)) void create_40(void)
{
	pthread_t threads[N_AT_ONCE];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N_AT_ONCE; i++)
			pthread_create(&threads[i], NULL, run, NULL);
		for (int i = 0; i < N_AT_ONCE; i++)
			pthread_join(threads[i], NULL);
	}
}

__attribute__((noinline)) void create_200(void)
{
	thrd_t threads[N_AT_ONCE];

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < N_AT_ONCE; i++)
			thrd_create(&threads[i], run_c11, NULL);
		for (int i = 0; i < N_AT_ONCE; i++)
			thrd_join(threads[i], NULL);
	}
}

int main(void)
{
	create_7();
	create_40();
	create_200();
	return host_verdict(0, "threads=247");
}
