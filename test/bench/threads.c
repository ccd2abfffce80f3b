// SPDX-License-Identifier: Apache-2.0
//
// Usage: threads N [LIVE]: creates and joins N threads, LIVE at a time (1).
#include <pthread.h>
#include <stdlib.h>

static void *pass(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 10000;
	long n_live = argc > 2 ? atol(argv[2]) : 1;
	pthread_t *threads = calloc((size_t)n_live, sizeof(*threads));

	for (; n > 0; n -= n_live) {
		for (long i = 0; i < n_live; i++)
			if (pthread_create(&threads[i], NULL, pass, NULL))
				return 1;
		for (long i = 0; i < n_live; i++)
			pthread_join(threads[i], NULL);
	}
	free(threads);
	return 0;
}
