// SPDX-License-Identifier: Apache-2.0
//
// Destructors of thread keys that allocate, free, lock and set keys again,
// through all the rounds POSIX allows, and destructors as C++ thread_local has
// them: hooks run after a shim's own thread state is gone. Each thread also
// asks for its attributes, for which libc allocates while it holds the thread's
// lock. Good: no hang, no crash, no growth over 4,000 threads.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>

enum { N_KEYS = 8, N_PAIRS = 2200, WARM_UP_PAIRS = 200, MAX_GROWTH_KIB = 2048 };

// libstdc++'s way to register a thread_local's destructor.
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static pthread_key_t keys[N_KEYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread int n_rounds;

static void on_key(void *p)
{
	void *again;

	free(p);
	again = malloc(300 + (size_t)n_rounds);
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	n_rounds++;
	if (n_rounds < 20 && !pthread_getspecific(keys[n_rounds % N_KEYS]))
		pthread_setspecific(keys[n_rounds % N_KEYS], again);
	else
		free(again);
}

static void on_thread_local(void *p)
{
	free(p);
	free(malloc(77));
}

static void *run(void *arg)
{
	volatile unsigned sink = 0;
	pthread_attr_t attr;

	if (!pthread_getattr_np(pthread_self(), &attr))
		pthread_attr_destroy(&attr);
	__cxa_thread_atexit_impl(on_thread_local, malloc(50), __dso_handle);
	for (int i = 0; i < N_KEYS; i++)
		pthread_setspecific(keys[i], malloc(100));
	for (unsigned i = 0; i < 20000; i++)
		sink = sink + i;
	return arg;
}

int main(void)
{
	long before_kib = 0, growth_kib;

	for (int i = 0; i < N_KEYS; i++)
		pthread_key_create(&keys[i], on_key);
	for (int i = 0; i < N_PAIRS; i++) {
		pthread_t pair[2];

		if (i == WARM_UP_PAIRS)
			before_kib = host_rss_anon_kib();
		for (int k = 0; k < 2; k++)
			pthread_create(&pair[k], NULL, run, NULL);
		for (int k = 0; k < 2; k++)
			pthread_join(pair[k], NULL);
	}
	growth_kib = host_rss_anon_kib() - before_kib;
	return host_verdict(growth_kib > MAX_GROWTH_KIB, "growth=%ld KiB",
			    growth_kib);
}
