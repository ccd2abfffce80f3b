// SPDX-License-Identifier: Apache-2.0
//
// Usage: cpu_small SECONDS. A thread with a stack of 96 KiB burns so much CPU
// time, then says whether the kernel knows of an alternate stack of its: by a
// raw call, which nobody can answer for the kernel.
#include "test/lib/host.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK_BYTES (96u << 10)

static double burn_s = 2;

static void *run(void *unused)
{
	stack_t at_end;

	(void)unused;
	host_burn_cpu_s(burn_s);
	syscall(SYS_sigaltstack, NULL, &at_end);
	printf("alternate %d\n", !(at_end.ss_flags & SS_DISABLE));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (argc > 1)
		burn_s = atof(argv[1]);
	pthread_attr_init(&attr);
	if (pthread_attr_setstacksize(&attr, STACK_BYTES) ||
	    pthread_create(&thread, &attr, run, NULL))
		return 1;
	pthread_join(thread, NULL);
	return 0;
}
