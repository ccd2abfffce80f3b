// SPDX-License-Identifier: Apache-2.0
//
// Usage: memory_locked [KIB]. A program that locks its memory, as one does that
// holds keys or must not wait for a page, and then starts threads: as an
// ordinary user with a limit (24 MiB) that leaves it some room, where it may
// arrange that. Good: what it has of addresses, which count in full, is within
// that limit, mlockall() succeeds, and what becomes locked, then and by the
// threads, is near what it asked for.
#include "test/lib/host.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	N_THREADS = 8,
	STACK_KIB = 128,
	THREAD_KIB = STACK_KIB + 64, // its stack's guard, and some room
	NOBODY = 65534,
};

static long limit_kib = 24 << 10;
static pthread_barrier_t barrier;

static long status_kib(const char *name)
{
	char line[256];
	long kib = -1;
	size_t n = strlen(name);
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, n) && line[n] == ':')
			kib = strtol(line + n + 1, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}

// Whether the limit is one under which mlockall() has to succeed.
static int may_lock(void)
{
	struct rlimit limit;

	return !getrlimit(RLIMIT_MEMLOCK, &limit) &&
	       limit.rlim_cur >= (rlim_t)limit_kib << 10;
}

static void *work(void *arg)
{
	free(malloc(1000));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

// How much more is locked while N_THREADS run. -1: they can't be had.
static long locked_by_threads_kib(void)
{
	pthread_t threads[N_THREADS];
	long before = status_kib("VmLck"), with;
	pthread_attr_t attr;

	pthread_barrier_init(&barrier, NULL, N_THREADS + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_KIB << 10);
	for (int i = 0; i < N_THREADS; i++)
		if (pthread_create(&threads[i], &attr, work, NULL))
			return -1;
	pthread_barrier_wait(&barrier);
	with = status_kib("VmLck");
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	return with - before;
}

// An ordinary user may lock so much, where that can be arranged.
static void become_limited(void)
{
	struct rlimit limit = {(rlim_t)limit_kib << 10,
			       (rlim_t)limit_kib << 10};

	if (!setrlimit(RLIMIT_MEMLOCK, &limit) && !geteuid() &&
	    setresuid(NOBODY, NOBODY, NOBODY))
		exit(host_verdict(1, "setresuid: %s", strerror(errno)));
}

int main(int argc, char **argv)
{
	long size, at_once, more;

	if (argc > 1)
		limit_kib = atol(argv[1]);
	mallopt(M_ARENA_MAX, 1);
	host_burn_cpu_s(0.05);
	become_limited();
	// It is this that the kernel compares with the limit.
	size = status_kib("VmSize");
	if (size > limit_kib)
		return host_verdict(1, "%ld KiB of addresses", size);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return host_verdict(may_lock(), "mlockall: %s",
				    strerror(errno));
	at_once = status_kib("VmLck");
	host_burn_cpu_s(0.05);
	more = locked_by_threads_kib();
	return host_verdict(at_once > limit_kib || more < 0 ||
				    more > N_THREADS * THREAD_KIB,
			    "%ld KiB locked, %ld more by %d threads", at_once,
			    more, N_THREADS);
}
