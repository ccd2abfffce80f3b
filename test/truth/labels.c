// SPDX-License-Identifier: Apache-2.0
//
// Usage: labels [serve]. Labels on every kind: known numbers of blocks, waits,
// threads and CPU time in labelled scopes, nested ones, threads and a fork
// child. With serve, as many labelled blocks as each line of stdin says.
#include "preload/cprof.h"

#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static __attribute__((noinline)) void keep(int n)
{
	while (n--)
		if (!malloc(100))
			abort();
}

static void *inherits(void *arg)
{
	keep(11);
	return arg;
}

static void *waits(void *arg)
{
	cprof_label("role", "waiter");
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	return arg;
}

static void run(void *(*routine)(void *))
{
	pthread_t t;

	pthread_create(&t, NULL, routine, NULL);
	pthread_join(t, NULL);
}

// The holder is labelled, the waiter is its child with one label more.
static void contend(void)
{
	unsigned outside = cprof_label("role", "holder");
	pthread_t t;

	pthread_mutex_lock(&lock);
	pthread_create(&t, NULL, waits, NULL);
	usleep(100000);
	pthread_mutex_unlock(&lock);
	pthread_join(t, NULL);
	cprof_labels_use(outside);
}

static int serve(void)
{
	char line[16];

	cprof_label("phase", "served");
	while (fgets(line, sizeof(line), stdin)) {
		keep(atoi(line));
		puts("kept");
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned outside, inside, job;
	pid_t child;

	if (argc > 1 && !strcmp(argv[1], "serve"))
		return serve();
	keep(3);
	outside = cprof_label("phase", "a");
	keep(7);
	inside = cprof_label("phase", "b");
	(void)cprof_label("user", "x");
	keep(5);
	run(inherits);
	job = cprof_labels();
	cprof_labels_use(inside);
	keep(2);
	cprof_labels_use(job);
	keep(6);
	cprof_labels_use(inside);
	host_burn_cpu_s(0.4);
	cprof_labels_use(outside);
	contend();
	(void)cprof_label("phase", "fork");
	child = fork();
	if (!child) {
		keep(13);
		exit(0);
	}
	printf("child %d\n", child);
	wait(NULL);
	cprof_labels_use(0);
	keep(1);
	return outside != 0;
}
