// SPDX-License-Identifier: Apache-2.0
//
// Usage: threads_rss N: N threads live at once, each allocating a little, then
// 5,000 one after the other. Good: less than 40 KiB of anonymous memory a live
// thread, and what ended threads had is given back.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>

enum { N_CHURN = 5000, MAX_KIB_A_THREAD = 40, MAX_CHURN_KIB = 1024 };

static pthread_barrier_t all_up, may_end;

static void *stay(void *arg)
{
	for (int i = 0; i < 4; i++)
		free(malloc(100));
	pthread_barrier_wait(&all_up);
	pthread_barrier_wait(&may_end);
	return arg;
}

static void *pass(void *arg)
{
	free(malloc(100));
	return arg;
}

static long live_threads_kib(unsigned n, const pthread_attr_t *attr)
{
	pthread_t *threads = calloc(n, sizeof(*threads));
	long before_kib = host_rss_anon_kib(), with_kib;

	pthread_barrier_init(&all_up, NULL, n + 1);
	pthread_barrier_init(&may_end, NULL, n + 1);
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], attr, stay, NULL))
			return -1;
	pthread_barrier_wait(&all_up);
	with_kib = host_rss_anon_kib();
	pthread_barrier_wait(&may_end);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return with_kib - before_kib;
}

static long churn_kib(const pthread_attr_t *attr)
{
	long before_kib = host_rss_anon_kib();

	for (int i = 0; i < N_CHURN; i++) {
		pthread_t thread;

		pthread_create(&thread, attr, pass, NULL);
		pthread_join(thread, NULL);
	}
	return host_rss_anon_kib() - before_kib;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 500;
	pthread_attr_t attr;
	long live, churn;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	live = live_threads_kib(n, &attr);
	churn = churn_kib(&attr);
	return host_verdict(live < 0 || live > (long)n * MAX_KIB_A_THREAD ||
				    churn > MAX_CHURN_KIB,
			    "live=%ld KiB churn=%ld KiB", live, churn);
}
