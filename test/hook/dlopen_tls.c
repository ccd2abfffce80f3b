// SPDX-License-Identifier: Apache-2.0
//
// Threads keep allocating while 60 libraries with thread-local storage are
// opened under them, so that every thread's TLS vector is stale when a hook
// runs. Usage: dlopen_tls FOLDER (of libtls0.so .. libtls59.so). Good: no hang,
// no crash.
#include "test/lib/host.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { N_LIBS = 60, N_THREADS = 3 };

static atomic_int is_over;
static atomic_long n_rounds;
static _Atomic(int (*)(void)) newest;

static void *allocate(void *arg)
{
	(void)arg;
	while (!is_over) {
		int (*touch)(void) = newest;

		free(malloc(100));
		if ((++n_rounds & 255) == 0 && touch)
			touch();
	}
	return NULL;
}

static void *touch_once(void *arg)
{
	(void)arg;
	newest();
	return NULL;
}

static int open_one(const char *folder, int i)
{
	char path[512];
	void *lib;
	void *symbol;
	pthread_t thread;

	snprintf(path, sizeof(path), "%s/libtls%d.so", folder, i);
	lib = dlopen(path, RTLD_NOW);
	if (!lib)
		return -1;
	symbol = dlsym(lib, "touch");
	atomic_store(&newest, *(int (**)(void)) & symbol);
	free(malloc(50));
	pthread_create(&thread, NULL, touch_once, NULL);
	pthread_join(thread, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[N_THREADS];
	int n_failed = 0;

	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, allocate, NULL);
	for (int i = 0; i < N_LIBS; i++)
		if (argc < 2 || open_one(argv[1], i))
			n_failed++;
	is_over = 1;
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	return host_verdict(n_failed || !n_rounds, "failed=%d", n_failed);
}
