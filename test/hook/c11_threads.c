// SPDX-License-Identifier: Apache-2.0
//
// C11's threads, mutexes and conditions, which the C library implements past
// the pthread names. Good: the program ends, and the profiles show its
// contention and its two threads.
#include "test/lib/host.h"

#include <threads.h>

enum { N_THREADS = 2, N_TURNS = 20 };

static mtx_t lock;
static cnd_t ended;
static int n_ended;

static int run(void *arg)
{
	const struct timespec turn = {0, 2000000};

	(void)arg;
	for (int i = 0; i < N_TURNS; i++) {
		mtx_lock(&lock);
		thrd_sleep(&turn, NULL);
		mtx_unlock(&lock);
	}
	mtx_lock(&lock);
	n_ended++;
	cnd_broadcast(&ended);
	mtx_unlock(&lock);
	return 0;
}

int main(void)
{
	thrd_t threads[N_THREADS];

	mtx_init(&lock, mtx_plain);
	cnd_init(&ended);
	for (int i = 0; i < N_THREADS; i++)
		thrd_create(&threads[i], run, NULL);
	mtx_lock(&lock);
	while (n_ended < N_THREADS)
		cnd_wait(&ended, &lock);
	mtx_unlock(&lock);
	for (int i = 0; i < N_THREADS; i++)
		thrd_join(threads[i], NULL);
	return host_verdict(0, "threads=%d", n_ended);
}
