// SPDX-License-Identifier: Apache-2.0
//
// Four threads hand the same few blocks around through malloc and free (with
// the argument realloc: and move them). A shim that records a free after the
// memory was given back sees the address alive twice. Good: nothing is left
// alive in the profile.
#include "test/lib/host.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

enum { N_THREADS = 4 };

static double run_s = 1.5;

static void *hand_around(void *arg)
{
	double end_s = host_now_s() + run_s;

	while (host_now_s() < end_s)
		for (int i = 0; i < 1000; i++) {
			char *volatile p = malloc(3000);

			p[0] = 1;
			free(p);
		}
	return arg;
}

static void *hand_around_moving(void *arg)
{
	double end_s = host_now_s() + run_s;

	while (host_now_s() < end_s)
		for (int i = 0; i < 300; i++) {
			void *p = malloc(3000);
			void *wall = malloc(100);

			p = realloc(p, 9000);
			free(wall);
			free(p);
		}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[N_THREADS];

	(void)argv;
	mallopt(M_ARENA_MAX, 1);
	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL,
			       argc > 1 ? hand_around_moving : hand_around,
			       NULL);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	return host_verdict(0, "done");
}
