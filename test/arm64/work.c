// SPDX-License-Identifier: Apache-2.0
//
// Does a known amount of everything, for a machine that is not the builder's:
// blocks of two sizes by two functions, a thread that waits for a lock, CPU
// time in one function, a block from within a signal handler.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NOINLINE __attribute__((noinline))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *kept[4096];
static int n_kept;

static void keep(void *p)
{
	kept[n_kept++] = p;
}

NOINLINE void keep_large(void)
{
	keep(malloc(100000));
}

NOINLINE void keep_small(void)
{
	keep(malloc(160));
}

NOINLINE void give_back(void)
{
	void *volatile p = malloc(5000);

	p = realloc(p, 7000);
	free(p);
}

static void allocate_in_handler(int sig)
{
	(void)sig;
	keep(malloc(3000));
}

NOINLINE unsigned long burn(void)
{
	unsigned long x = 1;
	struct timespec now;

	do {
		for (int i = 0; i < 100000; i++)
			x = x * 6364136223846793005ul + 1;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_sec < 1);
	return x;
}

NOINLINE void hold(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	pthread_mutex_unlock(&lock);
}

NOINLINE void *wait_for_lock(void *arg)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void contend(void)
{
	pthread_t thread;

	pthread_mutex_lock(&lock);
	pthread_create(&thread, NULL, wait_for_lock, NULL);
	hold();
	pthread_join(thread, NULL);
}

int main(void)
{
	for (int i = 0; i < 50; i++)
		keep_large();
	for (int i = 0; i < 1000; i++)
		keep_small();
	for (int i = 0; i < 100; i++)
		give_back();
	signal(SIGUSR2, allocate_in_handler);
	raise(SIGUSR2);
	contend();
	printf("done %lu\n", burn() % 2);
	return 3;
}
