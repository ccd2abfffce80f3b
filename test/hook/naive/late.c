// SPDX-License-Identifier: Apache-2.0
//
// Naive: finds the real functions in its constructor, before which nobody would
// call it.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>
#include <pthread.h>

static void *(*real_malloc)(size_t);
static int (*real_lock)(pthread_mutex_t *);

void *malloc(size_t n)
{
	return real_malloc(n);
}

int pthread_mutex_lock(pthread_mutex_t *m)
{
	return real_lock(m);
}

__attribute__((constructor)) static void start(void)
{
	*(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
}
