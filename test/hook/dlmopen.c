// SPDX-License-Identifier: Apache-2.0
//
// Usage: dlmopen PLUGIN. Loads a library into a namespace of its own, with a
// libc of its own, which no preloaded object stands before: what is allocated
// there is freed there. Good: it works, many times.
#include "test/lib/host.h"

#include <dlfcn.h>
#include <stdlib.h>

enum { N_ROUNDS = 5, N_BLOCKS = 1000 };

static int one_round(const char *path)
{
	void *plugin = dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL);
	void *(*take)(size_t);
	void (*give)(void *);
	int n_missing = 0;

	// A malloc of its own.
	if (!plugin || dlsym(plugin, "malloc") == dlsym(RTLD_DEFAULT, "malloc"))
		return 1;
	*(void **)&take = dlsym(plugin, "plugin_make");
	*(void **)&give = dlsym(plugin, "plugin_release");
	for (int i = 0; i < N_BLOCKS; i++) {
		void *theirs = take(100), *own = malloc(100);

		n_missing += !theirs || !own;
		free(own);
		give(theirs);
	}
	return n_missing || dlclose(plugin);
}

int main(int argc, char **argv)
{
	int n_bad = 0;

	for (int i = 0; argc > 1 && i < N_ROUNDS; i++)
		n_bad += one_round(argv[1]);
	return host_verdict(n_bad || argc < 2, "bad=%d", n_bad);
}
