// SPDX-License-Identifier: Apache-2.0
//
// Runs itself twice over by exec, keeping the environment: the first time with
// everything closed from 3 up, then as a program that allocates, then as one
// that lists its descriptors. Good: 0, 1, 2 and nothing else, neither kept
// through exec nor opened after it.
#include "test/lib/host.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static void allocate(void)
{
	for (int i = 0; i < 100; i++)
		free(malloc(1000));
}

static int exec_stage(char *name, const char *stage)
{
	char text[8];
	char *argv[] = {name, text, NULL};

	snprintf(text, sizeof(text), "%s", stage);
	execv("/proc/self/exe", argv);
	return host_verdict(1, "execv");
}

static int n_extra_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	const struct dirent *e;
	int n = 0;

	while ((e = readdir(d)))
		n += e->d_name[0] != '.' && atoi(e->d_name) > 2 &&
		     atoi(e->d_name) != dirfd(d);
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int n;

	if (argc == 1) {
		closefrom(3);
		return exec_stage(argv[0], "1");
	}
	allocate();
	if (argv[1][0] == '1')
		return exec_stage(argv[0], "2");
	n = n_extra_fds();
	return host_verdict(n, "extra_fds=%d", n);
}
