// SPDX-License-Identifier: Apache-2.0
//
// A C program opens a C++ plugin and lets it throw (plugin/throw.cc) or cancel
// threads whose frames have destructors (plugin/cancel_dtors.cc). A shim that
// brings another unwinder into the process takes the plugin's _Unwind_* away.
// Good: the plugin reports that all it did worked, in a few seconds.
#include "test/lib/host.h"

#include <dlfcn.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
	int (*run)(int);
	int n;

	if (!plugin)
		return host_verdict(1, "%s", dlerror());
	*(void **)&run = dlsym(plugin, "plugin_run");
	alarm(8); // ten times what it needs
	n = run(100000);
	return host_verdict(n != 100000, "done=%d", n);
}
