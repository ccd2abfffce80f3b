// SPDX-License-Identifier: Apache-2.0
//
// Short threads that do nothing but take and give back memory of one arena,
// four at a time. A handler that allocates (a dlopen'ed unwinder's TLS does, in
// each new thread) meets the arena's lock held. Good: threads keep ending.
#include "test/lib/host.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_int is_over;
static atomic_long n_ended;

static void *heap(void *seed)
{
	unsigned r = (unsigned)(uintptr_t)seed;
	void *blocks[64] = {NULL};
	double end_s = host_now_s() + 0.02;

	while (host_now_s() < end_s)
		for (int i = 0; i < 200; i++) {
			unsigned k;

			r = r * 1103515245u + 12345u;
			k = (r >> 16) & 63;
			free(blocks[k]);
			blocks[k] = malloc(2000 + (r >> 20) % 3000);
		}
	for (int i = 0; i < 64; i++)
		free(blocks[i]);
	n_ended++;
	return NULL;
}

static void *spawn(void *arg)
{
	while (!is_over) {
		pthread_t threads[4];

		for (uintptr_t i = 0; i < 4; i++)
			pthread_create(&threads[i], NULL, heap, (void *)i);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
	}
	return arg;
}

static void wait_one_second(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec++;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR)
		;
}

int main(void)
{
	pthread_t spawner;
	long last = -1;

	mallopt(M_ARENA_MAX, 1);
	pthread_create(&spawner, NULL, spawn, NULL);
	for (int i = 0; i < 4; i++) {
		wait_one_second();
		if (n_ended == last) {
			(void)!write(1, "BAD no progress\n", 16);
			_exit(1);
		}
		last = n_ended;
	}
	is_over = 1;
	pthread_join(spawner, NULL);
	return host_verdict(0, "done");
}
