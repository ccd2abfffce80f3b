// SPDX-License-Identifier: Apache-2.0
//
// Naive: a guard around dlsym that the compiler may drop, since libc declares
// its functions to be leaves, which never come back: the allocation that dlsym
// makes for a name it doesn't find is hooked again, and again.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>

static void *(*real_malloc)(size_t);
static void *optional;
static NAIVE_TLS int is_inside;

static void find(void)
{
	is_inside = 1;
	optional = dlsym(RTLD_NEXT, "malloc_that_nobody_has");
	*(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
	is_inside = 0;
}

void *malloc(size_t n)
{
	if (is_inside)
		return __libc_malloc(n);
	if (!real_malloc)
		find();
	return real_malloc(n);
}
