// SPDX-License-Identifier: Apache-2.0
//
// Naive: opens libraries that shall be in a namespace of their own in the
// common one, where it sees what they do.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>

void *dlmopen(Lmid_t space, const char *path, int flags)
{
	(void)space;
	return dlopen(path, flags);
}
