// SPDX-License-Identifier: Apache-2.0
//
// Naive: hooks of C++ operators that were written in a hurry: a new that may
// not throw becomes one that does, and a size and an alignment change places.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>

void *_ZnwmRKSt9nothrow_t(size_t n, const void *t);
void _ZdlPvmSt11align_val_t(void *p, size_t n, size_t a);

void *_ZnwmRKSt9nothrow_t(size_t n, const void *t)
{
	void *(*next)(size_t) = dlsym(RTLD_NEXT, "_Znwm");

	(void)t;
	return next(n);
}

void _ZdlPvmSt11align_val_t(void *p, size_t n, size_t a)
{
	void (*next)(void *, size_t, size_t) =
		dlsym(RTLD_NEXT, "_ZdlPvmSt11align_val_t");

	next(p, a, n);
}
