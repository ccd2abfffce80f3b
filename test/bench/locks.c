// SPDX-License-Identifier: Apache-2.0
//
// Usage: locks KIND N: N times each thread
//	free        takes and gives a mutex that nobody else wants (1 thread)
//	contended   takes and gives a mutex that all want (4 threads)
//	pingpong    hands the turn to the other by a condition variable (2)
//	readers     takes and gives an rwlock for reading (4)
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { N_THREADS = 4, WORK = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long n_rounds, turn;

static void *take_free(void *arg)
{
	for (long i = 0; i < n_rounds; i++) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *contend(void *arg)
{
	static volatile long shared;

	for (long i = 0; i < n_rounds; i++) {
		pthread_mutex_lock(&mutex);
		for (int k = 0; k < WORK; k++)
			shared = shared + 1;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *ping(void *arg)
{
	long me = arg != NULL;

	pthread_mutex_lock(&mutex);
	for (long i = 0; i < n_rounds; i++) {
		while (turn != me)
			pthread_cond_wait(&cond, &mutex);
		turn = !me;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *take_to_read(void *arg)
{
	for (long i = 0; i < n_rounds; i++) {
		pthread_rwlock_rdlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
	}
	return arg;
}

static const struct kind {
	const char *name;
	void *(*run)(void *);
	int n_threads;
} kinds[] = {
	{"free", take_free, 1},
	{"contended", contend, N_THREADS},
	{"pingpong", ping, 2},
	{"readers", take_to_read, N_THREADS},
};

static int run(const struct kind *kind)
{
	pthread_t threads[N_THREADS];

	for (int i = 1; i < kind->n_threads; i++)
		if (pthread_create(&threads[i], NULL, kind->run, &cond))
			return 1;
	kind->run(NULL);
	for (int i = 1; i < kind->n_threads; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

int main(int argc, char **argv)
{
	n_rounds = argc > 2 ? atol(argv[2]) : 1000000;
	for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, argv[1]))
			return run(&kinds[i]);
	return 1;
}
