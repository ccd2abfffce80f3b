// SPDX-License-Identifier: Apache-2.0
//
// An allocator that defines the C++ operators itself, as jemalloc and tcmalloc
// do: its memory is libc's, and it notes which operator was called last, with
// what.
#include "test/lib/operators.h"

#include <stdlib.h>

extern void *__libc_malloc(size_t n);
extern void __libc_free(void *p);

struct operator_call operator_last;

static void note(const char *name, size_t a, size_t b, size_t c)
{
	operator_last = (struct operator_call){name, a, b, c,
					       operator_last.n_calls + 1};
}

void *malloc(size_t n)
{
	return __libc_malloc(n);
}

void free(void *p)
{
	__libc_free(p);
}

#define NEW(n_args, name)                   \
	void *name PARAMS_##n_args          \
	{                                   \
		note(#name, ARGS_##n_args); \
		return __libc_malloc(a);    \
	}
#define DELETE(n_args, name)                \
	void name PARAMS_##n_args           \
	{                                   \
		note(#name, ARGS_##n_args); \
		__libc_free((void *)a);     \
	}
NEWS(NEW)
DELETES(DELETE)
