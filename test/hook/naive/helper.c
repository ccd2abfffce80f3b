// SPDX-License-Identifier: Apache-2.0
//
// Naive: starts a thread in the process. NAIVE_HELPER=blocked: with all signals
// blocked.
#include "test/hook/naive/naive.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

static void *drain(void *arg)
{
	const struct timespec pause = {0, 10000000};

	for (;;)
		nanosleep(&pause, NULL);
	return arg;
}

__attribute__((constructor)) static void start(void)
{
	sigset_t all, old;
	pthread_t thread;

	sigfillset(&all);
	if (naive_is("NAIVE_HELPER", "blocked"))
		pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_create(&thread, NULL, drain, NULL);
	if (naive_is("NAIVE_HELPER", "blocked"))
		pthread_sigmask(SIG_SETMASK, &old, NULL);
}
