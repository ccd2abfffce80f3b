// SPDX-License-Identifier: Apache-2.0
//
// Allocates 500 blocks of 1,000 bytes, lets a vfork child, a
// CLONE_VM|CLONE_VFORK child and a posix_spawn child use malloc in its own
// memory, and allocates 500 more. Good: the children do not disturb the
// parent's state: all 1,000 allocations are in its profile.
#include "test/lib/host.h"

#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void allocate_500(void);

static char stack[65536] __attribute__((aligned(16)));

__attribute__((noinline)) void allocate_500(void)
{
	for (int i = 0; i < 500; i++) {
		void *volatile p = malloc(1000);

		free(p);
	}
}

static int in_clone(void *arg)
{
	(void)arg;
	free(malloc(10));
	_exit(0);
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

int main(void)
{
	char *argv[] = {(char[]){"true"}, NULL};
	int status;
	pid_t pid;

	allocate_500();
	pid = vfork();
	if (pid == 0) {
		free(malloc(10));
		_exit(0);
	}
	status = status_of(pid);
	pid = clone(in_clone, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	status |= status_of(pid);
	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ))
		status |= 1;
	else
		status |= status_of(pid);
	allocate_500();
	return host_verdict(status, "children=%x", (unsigned)status);
}
