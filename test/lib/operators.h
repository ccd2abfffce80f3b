// SPDX-License-Identifier: Apache-2.0
//
// The replaceable C++ allocation functions by their Itanium ABI names, and how
// many arguments each takes; written down apart from the shim's own list, which
// this is to find wrong. All arguments are passed as words. And what an
// allocator that has them (plugin/own_operators.c) notes of the last call.
#ifndef CPROF_TEST_LIB_OPERATORS_H
#define CPROF_TEST_LIB_OPERATORS_H

#include <stddef.h>

#define NEWS(X)                                  \
	X(1, _Znwm)                              \
	X(1, _Znam)                              \
	X(2, _ZnwmRKSt9nothrow_t)                \
	X(2, _ZnamRKSt9nothrow_t)                \
	X(2, _ZnwmSt11align_val_t)               \
	X(2, _ZnamSt11align_val_t)               \
	X(3, _ZnwmSt11align_val_tRKSt9nothrow_t) \
	X(3, _ZnamSt11align_val_tRKSt9nothrow_t)

#define DELETES(X)                                \
	X(1, _ZdlPv)                              \
	X(1, _ZdaPv)                              \
	X(2, _ZdlPvm)                             \
	X(2, _ZdaPvm)                             \
	X(2, _ZdlPvSt11align_val_t)               \
	X(2, _ZdaPvSt11align_val_t)               \
	X(3, _ZdlPvmSt11align_val_t)              \
	X(3, _ZdaPvmSt11align_val_t)              \
	X(2, _ZdlPvRKSt9nothrow_t)                \
	X(2, _ZdaPvRKSt9nothrow_t)                \
	X(3, _ZdlPvSt11align_val_tRKSt9nothrow_t) \
	X(3, _ZdaPvSt11align_val_tRKSt9nothrow_t)

#define PARAMS_1 (size_t a)
#define PARAMS_2 (size_t a, size_t b)
#define PARAMS_3 (size_t a, size_t b, size_t c)
#define ARGS_1	 a, 0, 0
#define ARGS_2	 a, b, 0
#define ARGS_3	 a, b, c

#define DECLARE_NEW(n, name)	extern void *name PARAMS_##n;
#define DECLARE_DELETE(n, name) extern void name PARAMS_##n;
NEWS(DECLARE_NEW)
DELETES(DECLARE_DELETE)

struct operator_call {
	const char *name;
	size_t a, b, c;
	int n_calls; // of all operators
};

extern struct operator_call operator_last;

#endif
