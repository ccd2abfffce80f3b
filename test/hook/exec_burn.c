// SPDX-License-Identifier: Apache-2.0
//
// Interval timers survive exec, and a signal that is pending does, while the
// handler does not. Usage: exec_burn: runs itself with an empty environment
// (no shim there) and burns one second of CPU. exec_burn storm N: N children
// run themselves with the environment, burn 0 to 9 ms, and exec /bin/true
// without it. Good: nobody is killed by a profiling signal.
#include "test/lib/host.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char *no_environment[] = {NULL};

static int burn_and_exec(const char *step)
{
	char *argv[] = {(char[]){"true"}, NULL};

	host_burn_s(0.0005 * atoi(step));
	execve("/bin/true", argv, no_environment);
	return 98;
}

static int child_status(char *name, int i)
{
	char step[16];
	char *argv[] = {name, (char[]){"step"}, step, NULL};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(step, sizeof(step), "%d", i % 19);
		execv("/proc/self/exe", argv);
		_exit(99);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return status;
}

static int storm(char *name, int n)
{
	int n_bad = 0;

	for (int i = 0; i < n; i++)
		n_bad += child_status(name, i) != 0;
	return host_verdict(n_bad, "killed=%d", n_bad);
}

int main(int argc, char **argv)
{
	char *again[] = {argv[0], (char[]){"child"}, NULL};

	if (argc == 2 && !strcmp(argv[1], "child")) {
		host_burn_s(1);
		return host_verdict(0, "burnt");
	}
	if (argc == 3 && !strcmp(argv[1], "step"))
		return burn_and_exec(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "storm"))
		return storm(argv[0], atoi(argv[2]));
	host_burn_s(0.05);
	execve("/proc/self/exe", again, no_environment);
	return host_verdict(1, "execve");
}
