// SPDX-License-Identifier: Apache-2.0
//
// Function pointers are copied as the bytes they are: C has no conversion from
// dlsym's void pointers, POSIX promises that they have one size.
#include "collector/lib.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char error[256];

static int fail(void)
{
	const char *text = dlerror();

	snprintf(error, sizeof(error), "%s", text ? text : "unknown");
	return -ELIBACC;
}

int lib_load(struct lib *l)
{
	char *to = l->calls;
	void *file, *call;

	if (l->is_loaded)
		return 0;
	// As the loader binds what a program is linked with: at the first call,
	// unless the library itself asks for more.
	file = dlopen(l->file, RTLD_LAZY | RTLD_LOCAL);
	if (!file)
		return fail();
	for (size_t i = 0; i < l->n; i++) {
		call = dlsym(file, l->names[i]);
		if (!call)
			return fail();
		memcpy(to + i * sizeof(call), &call, sizeof(call));
	}
	l->is_loaded = true;
	return 0;
}

const char *lib_error(void)
{
	return error;
}
