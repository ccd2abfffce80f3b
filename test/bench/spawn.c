// SPDX-License-Identifier: Apache-2.0
//
// Usage: spawn N [NAME=VALUE]... PROGRAM [ARGUMENT]...: starts PROGRAM N times,
// one after the other, with NAME=VALUE in its environment, and waits for each.
// PROGRAM must end with status 0.
#include "test/bench/child.h"

#include <sys/wait.h>

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[1]) : 0, status;
	struct child c;
	pid_t pid;

	if (n < 1)
		return 2;
	c = child_of(argv + 2);
	for (int i = 0; i < n; i++)
		if (child_start(&c, &pid) || waitpid(pid, &status, 0) != pid ||
		    status)
			return 1;
	return 0;
}
