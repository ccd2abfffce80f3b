// SPDX-License-Identifier: Apache-2.0
//
// One thread allocates inside dl_iterate_phdr's callback (the loader's lock,
// then the arena's), two take and give back memory of an arena, one opens and
// closes libraries; one arena for all. An unwinder in a signal handler takes
// the same locks in another order. Good: all go on.
#include "test/lib/host.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// A busy machine starves a thread for a while; a deadlock is for ever.
enum { PERIODS = 8, STUCK_PERIODS = 16 };
enum { WORKER_ITERATE, WORKER_HEAP, WORKER_OPEN, WORKER_N };

static atomic_int is_over;
static atomic_long n_done[WORKER_N];

static int in_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
	void *volatile p = malloc(5000);

	(void)info, (void)size, (void)arg;
	free(p);
	return 0;
}

static void *iterate(void *arg)
{
	while (!is_over) {
		dl_iterate_phdr(in_loader, NULL);
		n_done[WORKER_ITERATE]++;
	}
	return arg;
}

static void *heap(void *arg)
{
	void *blocks[64] = {NULL};
	unsigned r = 1;

	while (!is_over) {
		unsigned k;

		r = r * 1103515245u + 12345u;
		k = (r >> 16) & 63;
		free(blocks[k]);
		blocks[k] = malloc(2000 + (r >> 20) % 3000);
		n_done[WORKER_HEAP]++;
	}
	return arg;
}

static void *open_close(void *arg)
{
	static const char *const names[] = {"libm.so.6", "libresolv.so.2"};

	while (!is_over) {
		void *lib = dlopen(names[n_done[WORKER_OPEN] & 1], RTLD_NOW);

		if (lib)
			dlclose(lib);
		n_done[WORKER_OPEN]++;
	}
	return arg;
}

// Half a second, also when signals arrive.
static void wait_half_second(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += 500000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR)
		;
}

// How many kinds of worker did nothing since the last call.
static int n_stuck(void)
{
	static long last[WORKER_N];
	int n = 0;

	for (int i = 0; i < WORKER_N; i++) {
		long now = n_done[i];

		n += now == last[i];
		last[i] = now;
	}
	return n;
}

int main(void)
{
	void *(*const workers[])(void *) = {iterate, heap, heap, open_close};
	pthread_t threads[4];
	int n_in_a_row = 0;

	mallopt(M_ARENA_MAX, 1);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, workers[i], NULL);
	for (int i = 0; i < PERIODS || n_in_a_row; i++) {
		wait_half_second();
		n_in_a_row = n_stuck() >= 2 ? n_in_a_row + 1 : 0;
		if (n_in_a_row == STUCK_PERIODS) {
			// Locks are held for ever: not even stdio is safe.
			(void)!write(1, "BAD no progress\n", 16);
			_exit(1);
		}
	}
	is_over = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return host_verdict(0, "done");
}
