// SPDX-License-Identifier: Apache-2.0
//
// Naive: keeps its guard in the thread-local storage of a library that it opens
// itself, whose first use in a thread allocates: the hook is called again
// before it has anything to guard by.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>

static int (*touch)(void);

void *malloc(size_t n)
{
	if (touch)
		touch();
	return __libc_malloc(n);
}

__attribute__((constructor)) static void start(void)
{
	const char *folder = getenv("CPROF_BUILD");
	char path[4096];
	void *lib;

	snprintf(path, sizeof(path), "%s/test/hook/plugin/tls.so", folder);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	*(void **)&touch = lib ? dlsym(lib, "touch") : NULL;
}
