// SPDX-License-Identifier: Apache-2.0
//
// Usage: deepbind PLUGIN. A plugin opened with RTLD_DEEPBIND calls libc's
// malloc and free past the hooks; main frees what it made and the other way
// round. Good: unknown pointers are let through.
#include "test/lib/host.h"

#include <dlfcn.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	void *plugin =
		argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND) : NULL;
	void *(*plugin_make)(void);
	void (*plugin_release)(void *);

	if (!plugin)
		return host_verdict(1, "%s", dlerror());
	*(void **)&plugin_make = dlsym(plugin, "plugin_make");
	*(void **)&plugin_release = dlsym(plugin, "plugin_release");
	for (int i = 0; i < 1000; i++) {
		free(plugin_make());
		plugin_release(malloc(1000));
	}
	return host_verdict(0, "done");
}
