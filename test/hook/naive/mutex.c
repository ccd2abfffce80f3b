// SPDX-License-Identifier: Apache-2.0
//
// Naive: lock hooks that hold a guard across the blocking call, catch all
// versions of pthread_cond_*, and (NAIVE_TOUCH=N) read N clocks and then the
// mutex after its unlock. Reports with NAIVE_REPORT=1.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#define REAL(name) \
	*(void **)&real = real ? *(void **)&real : dlsym(RTLD_NEXT, name)

static NAIVE_TLS int is_inside;
static int n_touches;
static volatile int sink;
static atomic_long n_locks, n_contended, n_waits, n_skipped;

int pthread_mutex_lock(pthread_mutex_t *m)
{
	static int (*real)(pthread_mutex_t *);
	int ret;

	REAL("pthread_mutex_lock");
	if (is_inside) {
		n_skipped++;
		return real(m);
	}
	is_inside = 1;
	n_locks++;
	ret = pthread_mutex_trylock(m);
	if (ret == EBUSY) {
		n_contended++;
		ret = real(m);
	}
	is_inside = 0;
	return ret;
}

int pthread_mutex_unlock(pthread_mutex_t *m)
{
	static int (*real)(pthread_mutex_t *);
	struct timespec t;
	int ret;

	REAL("pthread_mutex_unlock");
	ret = real(m);
	for (int i = 0; i < n_touches; i++)
		clock_gettime(CLOCK_MONOTONIC, &t);
	if (n_touches)
		sink += m->__data.__kind + m->__data.__owner;
	return ret;
}

int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	static int (*real)(pthread_cond_t *, pthread_mutex_t *);
	int ret;

	REAL("pthread_cond_wait");
	n_waits++;
	ret = real(c, m);
	return ret;
}

int pthread_cond_signal(pthread_cond_t *c)
{
	static int (*real)(pthread_cond_t *);

	REAL("pthread_cond_signal");
	return real(c);
}

int sem_wait(sem_t *s)
{
	static int (*real)(sem_t *);
	int ret;

	REAL("sem_wait");
	if (is_inside) {
		n_skipped++;
		return real(s);
	}
	is_inside = 1;
	n_waits++;
	ret = real(s);
	is_inside = 0;
	return ret;
}

__attribute__((constructor)) static void start(void)
{
	const char *touches = getenv("NAIVE_TOUCH");

	n_touches = touches ? atoi(touches) : 0;
}

__attribute__((destructor)) static void end(void)
{
	if (naive_is("NAIVE_REPORT", "1"))
		fprintf(stderr,
			"[locks=%ld contended=%ld waits=%ld "
			"skipped=%ld]\n",
			(long)n_locks, (long)n_contended, (long)n_waits,
			(long)n_skipped);
}
