// SPDX-License-Identifier: Apache-2.0
//
// The program moves its environment away and writes a title over the old one,
// as servers do, and then forks. Good: the child is profiled where its parent
// is.
#include "test/lib/host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_title(const char *title)
{
	char *low = environ[0], *high = low, **copy;
	size_t n = 0;

	while (environ[n])
		high = strchr(environ[n++], 0) + 1;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = strdup(environ[i]);
	environ = copy;
	memset(low, 0, (size_t)(high - low));
	strncpy(low, title, (size_t)(high - low) - 1);
}

int main(void)
{
	int status;
	pid_t child;

	set_title("server: child");
	child = fork();
	if (!child) {
		host_burn_cpu_s(0.5);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status) {
		puts("BAD");
		return 1;
	}
	printf("ok child=%d cpu_s=%.3f\n", (int)child, 0.5);
	return 0;
}
