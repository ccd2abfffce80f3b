// SPDX-License-Identifier: Apache-2.0
//
// Usage: cost FILE [NAME=VALUE]... PROGRAM [ARGUMENT]...: runs PROGRAM with
// NAME=VALUE in its environment and writes to FILE: seconds of wall time, of
// CPU time, KiB of the largest resident size (all three with the processes it
// waited for), and its status. It is small, since a process's largest size is
// never less than that of who started it.
#include "test/bench/child.h"
#include "test/lib/host.h"

#include <sys/resource.h>
#include <sys/wait.h>

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
	double start_s = host_now_s();
	struct rusage use;
	struct child c;
	FILE *f;
	pid_t pid;
	int status;

	if (argc < 3)
		return 2;
	c = child_of(argv + 2);
	if (child_start(&c, &pid) || wait4(pid, &status, 0, &use) != pid)
		return 1;
	f = fopen(argv[1], "w");
	if (!f)
		return 1;
	fprintf(f, "%.6f %.6f %ld %d\n", host_now_s() - start_s,
		seconds(use.ru_utime) + seconds(use.ru_stime), use.ru_maxrss,
		status);
	return fclose(f) ? 1 : 0;
}
