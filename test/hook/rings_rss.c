// SPDX-License-Identifier: Apache-2.0
//
// 100 threads allocate much, each piece large enough to be noted whatever the
// rate, in a burst and then slowly. Good: while they go on slowly, what is
// resident of memory that is shared with another process, and can be written,
// comes down to 3 MiB.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_THREADS = 100, N_BURST = 2000, MAX_KIB = 3072, LIMIT_S = 25 };

static pthread_barrier_t all_done;
static _Atomic int x_is_over;

static void allocate(void)
{
	void *volatile p = malloc(16 << 20);

	free(p);
}

static void *work(void *arg)
{
	for (int i = 0; i < N_BURST; i++)
		allocate();
	pthread_barrier_wait(&all_done);
	while (!x_is_over) {
		allocate();
		usleep(20000);
	}
	return arg;
}

static long shared_kib(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	int is_shared = 0;
	long sum = 0, kib;
	char line[512], flags[5];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*x-%*x %4s", flags) == 1)
			is_shared = !strcmp(flags, "rw-s");
		if (is_shared && sscanf(line, "Rss: %ld", &kib) == 1)
			sum += kib;
	}
	if (f)
		fclose(f);
	return sum;
}

int main(void)
{
	double end_s = host_now_s() + LIMIT_S;
	pthread_t threads[N_THREADS];
	long most_kib = 0, kib;

	pthread_barrier_init(&all_done, NULL, N_THREADS + 1);
	for (int i = 0; i < N_THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	pthread_barrier_wait(&all_done);
	do {
		kib = shared_kib();
		most_kib = kib > most_kib ? kib : most_kib;
		usleep(100000);
	} while (kib > MAX_KIB && host_now_s() < end_s);
	x_is_over = 1;
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	return host_verdict(kib > MAX_KIB, "shared: %ld KiB, now %ld KiB",
			    most_kib, kib);
}
