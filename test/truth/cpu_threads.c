// SPDX-License-Identifier: Apache-2.0
//
// Usage: cpu_threads SECONDS [N]. Four named threads burn so much CPU time
// each, behind N that sleep. Prints their kernel ids.
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

static void *rest(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int make_resting(int n)
{
	pthread_attr_t attr;
	pthread_t t;
	int err = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	while (!err && n--)
		err = pthread_create(&t, &attr, rest, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

int main(int argc, char **argv)
{
	pthread_t threads[N_THREADS];

	if (argc > 1)
		burn_s = atof(argv[1]);
	if (argc > 2 && make_resting(atoi(argv[2])))
		return 77;
	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, run, &tids[i]);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < N_THREADS; i++)
		printf("tid_%d %ld\n", i, tids[i]);
	printf("total %.6f\n", host_clock_s(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
