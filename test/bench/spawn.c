// SPDX-License-Identifier: Apache-2.0
//
// Usage: spawn N [NAME=VALUE]... PROGRAM [ARGUMENT]...: starts PROGRAM N times,
// one after the other, with NAME=VALUE in its environment, and prints the
// microseconds of one, and of its CPU time: "spawn_us NUMBER". PROGRAM must end
// with status 0.
#include "test/lib/host.h"

#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

extern char **environ;

static char **environment_with(char **settings, int n)
{
	int have = 0;
	char **env;

	while (environ[have])
		have++;
	env = calloc((size_t)(have + n + 1), sizeof(*env));
	for (int i = 0; i < n; i++)
		env[i] = settings[i];
	for (int i = 0; i < have; i++)
		env[n + i] = environ[i];
	return env;
}

static int run(char **argv, char **env)
{
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, env))
		return 1;
	return waitpid(pid, &status, 0) != pid || status;
}

static double children_cpu_s(void)
{
	struct rusage use;

	getrusage(RUSAGE_CHILDREN, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0, n_settings = 0, bad = 0;
	char **env;
	double start_s;

	argv += 2;
	while (n_settings < argc - 3 && strchr(argv[n_settings], '='))
		n_settings++;
	if (n < 1 || argc < 3)
		return host_verdict(1, "usage: spawn N [NAME=VALUE] PROGRAM");
	env = environment_with(argv, n_settings);
	start_s = host_now_s();
	for (int i = 0; i < n; i++)
		bad |= run(argv + n_settings, env);
	printf("spawn_us %.1f\n", (host_now_s() - start_s) / n * 1e6);
	printf("spawn_cpu_us %.1f\n", children_cpu_s() / n * 1e6);
	return bad;
}
