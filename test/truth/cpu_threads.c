// SPDX-License-Identifier: Apache-2.0
//
// Usage: cpu_threads SECONDS. Four named threads burn so much CPU time each.
// Prints their kernel ids.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { N_THREADS = 4 };

static double burn_s = 2;
static long tids[N_THREADS];

static void *run(void *arg)
{
	long *tid = arg;
	char name[16];

	*tid = syscall(SYS_gettid);
	snprintf(name, sizeof(name), "worker-%d", (int)(tid - tids));
	pthread_setname_np(pthread_self(), name);
	host_burn_cpu_s(burn_s);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[N_THREADS];

	if (argc > 1)
		burn_s = atof(argv[1]);
	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, run, &tids[i]);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < N_THREADS; i++)
		printf("tid_%d %ld\n", i, tids[i]);
	printf("total %.6f\n", host_clock_s(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
