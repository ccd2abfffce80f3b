// SPDX-License-Identifier: Apache-2.0
//
// Usage: big_fork MIB. Forks with so much memory touched while a thread burns
// CPU: on some kernels a signal restarts clone() from the beginning, for ever
// when it comes often enough. Good: ten forks complete.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int is_over;

static void *burn(void *arg)
{
	while (!is_over)
		host_burn_s(0.001);
	return arg;
}

int main(int argc, char **argv)
{
	size_t n_bytes = (size_t)(argc > 1 ? atol(argv[1]) : 512) << 20;
	char *memory = malloc(n_bytes);
	pthread_t thread;
	int n_ended = 0;

	for (size_t i = 0; memory && i < n_bytes; i += 4096)
		memory[i] = 1;
	pthread_create(&thread, NULL, burn, NULL);
	alarm(60);
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(0);
		n_ended += waitpid(pid, &status, 0) == pid && status == 0;
	}
	is_over = 1;
	pthread_join(thread, NULL);
	free(memory);
	return host_verdict(n_ended != 10, "forks=%d", n_ended);
}
