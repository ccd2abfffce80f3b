// SPDX-License-Identifier: Apache-2.0
//
// Usage: images N... | fork PID N. Allocates N blocks in work(), each by a
// stack of its own as far as there are, then becomes itself again, by exec, for
// the next N; the last says "ready" and waits until stdin ends. With fork, a
// child that gets PID does so (needs root).
#include "test/lib/host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIES = 1000, DEPTH = 14 };

void work(int n), left(int i, int depth), right(int i, int depth);

// Two ways on at each step: the bits of I.
static inline __attribute__((always_inline)) void step(int i, int depth)
{
	if (!depth)
		free(malloc(100));
	else if (i & 1)
		left(i >> 1, depth - 1);
	else
		right(i >> 1, depth - 1);
	__asm__ volatile("");
}

__attribute__((noinline)) void left(int i, int depth)
{
	step(i, depth);
}

__attribute__((noinline)) void right(int i, int depth)
{
	step(i, depth);
}

__attribute__((noinline)) void work(int n)
{
	for (int i = 0; i < n; i++)
		step(i, DEPTH);
}

static int wait_for_end(void)
{
	puts("ready");
	fflush(stdout);
	(void)!getchar();
	return 0;
}

// The next process of this pid namespace gets PID, if nobody else comes first.
static void ask_for(int pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);

	dprintf(fd, "%d", pid - 1);
	close(fd);
}

static int fork_as(int pid, int n)
{
	for (int i = 0; i < TRIES; i++) {
		pid_t got;

		ask_for(pid);
		got = fork();
		if (!got && getpid() != pid)
			_exit(0);
		if (!got) {
			work(n);
			return wait_for_end();
		}
		waitpid(got, NULL, 0);
		if (got == pid)
			return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "fork"))
		return argc < 4 ? 2 : fork_as(atoi(argv[2]), atoi(argv[3]));
	work(atoi(argv[1]));
	if (argc == 2)
		return wait_for_end();
	argv[1] = argv[0];
	execv("/proc/self/exe", argv + 1);
	return 1;
}
