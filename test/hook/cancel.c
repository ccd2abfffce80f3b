// SPDX-License-Identifier: Apache-2.0
//
// Threads are cancelled in pthread_cond_wait, sem_wait and pthread_join, and
// while they burn CPU with asynchronous cancellation (where the cancel may
// arrive inside a profiler's handler). Good: every cleanup handler runs once
// and no mutex stays locked.
#include "test/lib/host.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_ROUNDS = 40 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never_signalled = PTHREAD_COND_INITIALIZER;
static sem_t never_posted;
static atomic_int n_cleaned;

static void clean(void *mutex)
{
	n_cleaned++;
	free(malloc(100));
	if (mutex)
		pthread_mutex_unlock(mutex);
}

static void *in_cond_wait(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_cleanup_push(clean, &lock);
	for (;;)
		pthread_cond_wait(&never_signalled, &lock);
	pthread_cleanup_pop(1);
	return arg;
}

static void *in_sem_wait(void *arg)
{
	pthread_cleanup_push(clean, NULL);
	for (;;)
		sem_wait(&never_posted);
	pthread_cleanup_pop(1);
	return arg;
}

static void *nap(void *arg)
{
	usleep(100000);
	return arg;
}

static void *in_join(void *arg)
{
	pthread_t napper;

	pthread_cleanup_push(clean, NULL);
	pthread_create(&napper, NULL, nap, NULL);
	pthread_join(napper, NULL);
	for (;;)
		pause();
	pthread_cleanup_pop(1);
	return arg;
}

static void *in_computation(void *arg)
{
	volatile unsigned sink = 0;

	pthread_cleanup_push(clean, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;)
		sink = sink + 1;
	pthread_cleanup_pop(1);
	return arg;
}

static int cancelled_wrongly(void *(*run)(void *), int round)
{
	pthread_t thread;
	void *result;
	int n_bad;

	pthread_create(&thread, NULL, run, NULL);
	usleep((useconds_t)(1500 + round * 50));
	pthread_cancel(thread);
	pthread_join(thread, &result);
	n_bad = result != PTHREAD_CANCELED;
	if (pthread_mutex_trylock(&lock))
		return n_bad + 1;
	pthread_mutex_unlock(&lock);
	return n_bad;
}

int main(void)
{
	void *(*const runs[])(void *) = {in_cond_wait, in_sem_wait, in_join,
					 in_computation};
	int n_bad = 0;

	sem_init(&never_posted, 0, 0);
	for (int round = 0; round < N_ROUNDS; round++)
		for (int i = 0; i < 4; i++)
			n_bad += cancelled_wrongly(runs[i], round);
	return host_verdict(n_bad || n_cleaned != 4 * N_ROUNDS,
			    "wrong=%d cleaned=%d", n_bad, (int)n_cleaned);
}
