// SPDX-License-Identifier: Apache-2.0
//
// Threads with the smallest stack there is recurse until LEAVE bytes are left,
// allocate, and burn CPU there, so that a sampling signal lands on what is
// left. Usage: tiny_stack LEAVE [STACK_BYTES]. Good: nothing overflows, and
// pthread_create accepts the size it accepted before.
#include "test/lib/host.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

static long leave_bytes = 6000;

// NOLINTNEXTLINE: recursion is the point
__attribute__((noinline)) static void descend(const char *lowest)
{
	char pad[256];

	memset(pad, 1, sizeof(pad));
	__asm__ volatile("" ::"r"(pad) : "memory");
	if (pad - lowest > leave_bytes) {
		descend(lowest);
	} else {
		void *p = malloc(100);

		host_burn_s(0.3);
		free(p);
	}
	__asm__ volatile("" ::"r"(pad) : "memory");
}

static void *run(void *arg)
{
	pthread_attr_t attr;
	void *lowest;
	size_t size;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &lowest, &size);
	pthread_attr_destroy(&attr);
	descend(lowest);
	return arg;
}

int main(int argc, char **argv)
{
	size_t stack_bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 16384;
	pthread_attr_t attr;
	pthread_t thread;

	if (argc > 1)
		leave_bytes = atol(argv[1]);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack_bytes);
	for (int i = 0; i < 3; i++) {
		int error = pthread_create(&thread, &attr, run, NULL);

		if (error)
			return host_verdict(1, "pthread_create: %s",
					    strerror(error));
		pthread_join(thread, NULL);
	}
	return host_verdict(0, "left=%ld", leave_bytes);
}
