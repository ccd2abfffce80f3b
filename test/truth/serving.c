// SPDX-License-Identifier: Apache-2.0
//
// Description: a program to be asked over HTTP: it has something to show in
// every kind of profile, all the time, until its stdin ends.
//
// Known of it: keep_blocks() holds as many blocks of 64 KiB as its argument
// says; recurse() is 300 deep when it computes.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES 65536u
#define DEPTH	    300u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *volatile sink;

static void pause_ms(long ms)
{
	const struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

__attribute__((noinline)) static void keep_blocks(unsigned n)
{
	while (n--) {
		void *p = malloc(BLOCK_BYTES);

		memset(p, 1, BLOCK_BYTES);
		sink = p;
	}
}

__attribute__((noinline)) static void churn(void)
{
	void *p = malloc(1000);

	sink = p;
	free(p);
}

__attribute__((noinline)) static unsigned recurse(unsigned n)
{
	unsigned sum = n;

	if (n) {
		sum = recurse(n - 1);
		// Or the compiler makes a loop of it.
		__asm__ volatile("" : "+r"(sum));
		return sum;
	}
	for (unsigned i = 0; i < 200000; i++)
		sum = sum * 31 + i;
	return sum;
}

static void *fight(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&lock);
		pause_ms(2);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void *work(void *arg)
{
	for (;;) {
		sink = (void *)(uintptr_t)recurse(DEPTH);
		for (int i = 0; i < 100; i++)
			churn();
		pause_ms(10);
	}
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;
	char c;

	keep_blocks(argc > 1 ? (unsigned)atoi(argv[1]) : 26);
	pthread_create(&t, NULL, fight, NULL);
	pthread_setname_np(t, "fighter-1");
	pthread_create(&t, NULL, fight, NULL);
	pthread_setname_np(t, "fighter-2");
	pthread_create(&t, NULL, work, NULL);
	printf("ready\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
