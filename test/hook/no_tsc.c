// SPDX-License-Identifier: Apache-2.0
//
// Forbids itself the time stamp counter, computes for a while, forks a child
// that computes too, and allows it again. Whatever reads the clock in a signal
// handler meanwhile dies. Good: both come to their end.
#include "test/lib/host.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void compute(void)
{
	volatile unsigned long sink = 0;

	for (unsigned long i = 0; i < 300000000; i++)
		sink = sink + i;
}

int main(void)
{
	int status = -1;
	pid_t pid;

	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV))
		return 77;
	pid = fork();
	compute();
	if (!pid)
		_exit(0);
	if (pid > 0 && waitpid(pid, &status, 0) != pid)
		status = -1;
	if (prctl(PR_SET_TSC, PR_TSC_ENABLE))
		return 77;
	return host_verdict(status != 0, "child=%d", status);
}
