// SPDX-License-Identifier: Apache-2.0
//
// Usage: dlclose_stale FOLDER. Opens and closes six libraries in turn, which
// land at the same address with other frames each time; work_N() of library N
// allocates through inner_N() and burns a little. Good: no crash, and no stack
// names functions of two of the libraries.
#include "test/lib/host.h"

#include <dlfcn.h>

enum { N_ROUNDS = 300, N_LIBS = 6 };

static int run_library(const char *folder, int n)
{
	char path[512], name[16];
	void *lib;
	void (*work)(int);

	snprintf(path, sizeof(path), "%s/stale%d.so", folder, n);
	snprintf(name, sizeof(name), "work_%d", n);
	lib = dlopen(path, RTLD_NOW);
	if (!lib)
		return -1;
	*(void **)&work = dlsym(lib, name);
	for (int i = 0; i < 20; i++)
		work(i);
	dlclose(lib);
	return 0;
}

int main(int argc, char **argv)
{
	int n_failed = 0;

	for (int i = 0; i < N_ROUNDS; i++)
		n_failed += argc < 2 || run_library(argv[1], i % N_LIBS);
	return host_verdict(n_failed, "failed=%d", n_failed);
}
