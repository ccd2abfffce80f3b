// SPDX-License-Identifier: Apache-2.0
//
// A fork handler of the program's own allocates in the child, before fork has
// returned there. Good: the child's profile has the CPU time it used, once.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_child(void)
{
	for (int i = 0; i < 8; i++)
		free(malloc(8 << 20));
}

int main(void)
{
	int status;
	pid_t child;

	pthread_atfork(NULL, NULL, in_child);
	child = fork();
	if (!child) {
		host_burn_cpu_s(1);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status) {
		puts("BAD");
		return 1;
	}
	printf("ok child=%d cpu_s=%.3f\n", (int)child, 1.0);
	return 0;
}
