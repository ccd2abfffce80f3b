// SPDX-License-Identifier: Apache-2.0
//
// Usage: many_threads N. N threads live at once, on small stacks, each with
// some memory, all waiting for one lock; if that is less, nine tenths of what
// the machine has numbers for. Good: all come and go, and none costs more than
// 40 KiB.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MAX_KIB_A_THREAD = 40, STACK_BYTES = 32 << 10 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint n_up;

static unsigned read_number(const char *path, unsigned otherwise)
{
	FILE *f = fopen(path, "r");
	unsigned n;

	if (!f || fscanf(f, "%u", &n) != 1)
		n = otherwise;
	if (f)
		fclose(f);
	return n;
}

// The rest of the machine needs some, too.
static unsigned at_most(unsigned n)
{
	unsigned pids = read_number("/proc/sys/kernel/pid_max", n);
	unsigned threads = read_number("/proc/sys/kernel/threads-max", n);
	unsigned limit = (pids < threads ? pids : threads) / 10 * 9;

	return n < limit ? n : limit;
}

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
	unsigned n = at_most(argc > 1 ? (unsigned)atoi(argv[1]) : 3000);
	pthread_t *threads = calloc(n, sizeof(*threads));
	const struct timespec pause = {0, 1000000};
	unsigned n_started;
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
	return host_verdict(n_lost || n_started < n / 2 ||
				    kib > (long)n_started * MAX_KIB_A_THREAD,
			    "threads=%u lost=%d KiB=%ld", n_started, n_lost,
			    kib);
}
