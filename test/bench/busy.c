// SPDX-License-Identifier: Apache-2.0
//
// Usage: busy THREADS CPU_S [DEPTH [BLOCKS]]: THREADS threads at a depth of
// DEPTH frames use CPU_S seconds of CPU time in all. With BLOCKS each first
// allocates and frees so many, one after the other and each large enough to be
// sampled at any rate, then goes on slowly while it uses the CPU. Prints the
// resident KiB of the process when all of them have: "rss_kib NUMBER".
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	MAX_THREADS = 1024,
	STACK_BYTES = 256 << 10,
	BLOCK_BYTES = 16 << 20,
	SLOWER = 8
};

static pthread_barrier_t all_done, may_end;
static double cpu_s;
static int depth, n_blocks;

static void allocate(int n)
{
	for (int i = 0; i < n; i++) {
		void *volatile p = malloc(BLOCK_BYTES);

		free(p);
	}
}

static void burn(void)
{
	int n = n_blocks / SLOWER;

	allocate(n_blocks);
	for (int i = 0; i < n; i++) {
		host_burn_cpu_s(cpu_s / n);
		allocate(1);
	}
	if (!n)
		host_burn_cpu_s(cpu_s);
}

static __attribute__((noinline)) void burn_below(int n)
{
	volatile int here = n;

	if (n > 1)
		burn_below(n - 1);
	else
		burn();
	here = here + 1;
}

static void *run(void *arg)
{
	burn_below(depth);
	pthread_barrier_wait(&all_done);
	pthread_barrier_wait(&may_end);
	return arg;
}

static long rss_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	pthread_t threads[MAX_THREADS];
	pthread_attr_t attr;

	if (n < 1 || n > MAX_THREADS)
		return 1;
	cpu_s = (argc > 2 ? atof(argv[2]) : 1) / n;
	depth = argc > 3 ? atoi(argv[3]) : 1;
	n_blocks = argc > 4 ? atoi(argv[4]) : 0;
	pthread_barrier_init(&all_done, NULL, n + 1);
	pthread_barrier_init(&may_end, NULL, n + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], &attr, run, NULL))
			return 1;
	pthread_barrier_wait(&all_done);
	printf("rss_kib %ld\n", rss_kib());
	pthread_barrier_wait(&may_end);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
