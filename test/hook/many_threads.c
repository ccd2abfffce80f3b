// SPDX-License-Identifier: Apache-2.0
//
// Usage: many_threads N. N threads live at once, on the smallest of stacks,
// each with memory and a lock of its own that another waits for; as many as the
// machine allows if that is less. Good: all come and go, and none costs more
// than 40 KiB.
#include "test/lib/host.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MAX_KIB_A_THREAD = 40, STACK_BYTES = 32 << 10 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint n_up;

static void *live(void *arg)
{
	void *volatile p = malloc(100);

	n_up++;
	pthread_mutex_lock(&gate);
	free(p);
	pthread_mutex_unlock(&gate);
	return arg;
}

static unsigned start_all(pthread_t *threads, unsigned n)
{
	pthread_attr_t attr;
	unsigned i = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setguardsize(&attr, 0);
	while (i < n && !pthread_create(&threads[i], &attr, live, NULL))
		i++;
	return i;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 3000, n_started;
	pthread_t *threads = calloc(n, sizeof(*threads));
	const struct timespec pause = {0, 1000000};
	int n_lost = 0;
	long kib;

	memset(threads, 0, n * sizeof(*threads));
	kib = -host_rss_anon_kib();
	pthread_mutex_lock(&gate);
	n_started = start_all(threads, n);
	while (n_up < n_started)
		nanosleep(&pause, NULL);
	kib += host_rss_anon_kib();
	pthread_mutex_unlock(&gate);
	for (unsigned i = 0; i < n_started; i++)
		n_lost += pthread_join(threads[i], NULL) != 0;
	free(threads);
	return host_verdict(n_lost || n_started < n / 10 ||
				    kib > (long)n_started * MAX_KIB_A_THREAD,
			    "threads=%u lost=%d KiB=%ld", n_started, n_lost,
			    kib);
}
