// SPDX-License-Identifier: Apache-2.0
//
// The C++ operators. libstdc++'s call malloc, which is hooked: then these only
// forward. An allocator that defines them itself (jemalloc, tcmalloc, mimalloc)
// does not pass through malloc, so there they count; which of the two it is
// shows in whether the real operator and the real malloc are of one library. A
// program's own operators come before ours in the search order and win.
//
// This is C, so nothing here can stop an exception (operator new throws
// bad_alloc through these frames by their unwind tables) or turn it into
// terminate.
#include "preload/hook_new.h"

#include "preload/hook_heap.h"
#include "preload/real.h"

#include <dlfcn.h>
#include <stdlib.h>

typedef void *new_fn(size_t n);
typedef void *new_nothrow_fn(size_t n, const void *nothrow);
typedef void *new_align_fn(size_t n, size_t align);
typedef void *new_align_nothrow_fn(size_t n, size_t align, const void *nothrow);
typedef void delete_fn(void *p);
typedef void delete_two_fn(void *p, size_t a);
typedef void delete_three_fn(void *p, size_t a, size_t b);

enum op {
#define OP(name, ...) OP_##name,
#include "preload/operators.def"
#undef OP
	OP_N
};

static const char *const op_names[OP_N] = {
#define OP(name, ...) #name,
#include "preload/operators.def"
#undef OP
};

// The real ones, once found. Set by whoever comes first: all find the same.
static _Atomic(void *) x_ops[OP_N];
static bool is_counting; // constant after the constructor

// NULL in a process that starts without any C++ runtime.
extern void __cxa_throw(void) __attribute__((weak));

static bool is_of_malloc_library(const void *op)
{
	Dl_info a, b;

	return op && dladdr(op, &a) && dladdr((void *)real.malloc, &b) &&
	       a.dli_fbase == b.dli_fbase;
}

// Whether anybody can have operators. To ask dlsym for what isn't there would
// take memory of the host's heap, for dlerror's text.
static bool are_there_any(void)
{
	return __cxa_throw ||
	       !is_of_malloc_library(dlsym(RTLD_NEXT, "gnu_get_libc_version"));
}

void hook_new_init(void)
{
	if (!are_there_any())
		return;
	// All at once, here: looking one up takes the loader's lock, which the
	// host may hold when it first calls new.
	for (int op = 0; op < OP_N; op++)
		atomic_store_explicit(&x_ops[op],
				      dlsym(RTLD_NEXT, op_names[op]),
				      memory_order_relaxed);
	is_counting = is_of_malloc_library(x_ops[OP__Znwm]);
}

// A C program that loads a C++ library later: none was there at the start.
static COLD void *find_op(enum op op)
{
	void *p = real_find(op_names[op]);

	atomic_store_explicit(&x_ops[op], p, memory_order_relaxed);
	return p;
}

static inline void *real_op(enum op op)
{
	return atomic_load_explicit(&x_ops[op], memory_order_relaxed);
}

static inline bool is_due(size_t n)
{
	return UNLIKELY(is_counting) && hook_heap_is_due(n);
}

// A program without any C++ library in reach can only come here by mistake, but
// it gets memory and gives it back. The slow ways are functions of their own:
// see HOOK_ALLOC.
#define NEW(name, type, params, ...)                         \
	EXPORT void *name params;                            \
	static COLD void *find_##name params                 \
	{                                                    \
		type *op = find_op(OP_##name);               \
		return op ? op(__VA_ARGS__) : malloc(n);     \
	}                                                    \
	static COLD void *sampled_##name params              \
	{                                                    \
		type *op = real_op(OP_##name);               \
		return hook_heap_sample(op(__VA_ARGS__), n); \
	}                                                    \
	EXPORT void *name params                             \
	{                                                    \
		type *op = real_op(OP_##name);               \
		if (UNLIKELY(!op))                           \
			return find_##name(__VA_ARGS__);     \
		if (UNLIKELY(is_due(n)))                     \
			return sampled_##name(__VA_ARGS__);  \
		return op(__VA_ARGS__);                      \
	}

#define DELETE(name, type, params, ...)                                    \
	EXPORT void name params;                                           \
	static COLD void find_##name params                                \
	{                                                                  \
		type *op = find_op(OP_##name);                             \
		if (op)                                                    \
			op(__VA_ARGS__);                                   \
		else                                                       \
			free(p);                                           \
	}                                                                  \
	static COLD void sampled_##name params                             \
	{                                                                  \
		type *op = real_op(OP_##name);                             \
		if (hook_heap_free(p))                                     \
			op(__VA_ARGS__);                                   \
	}                                                                  \
	EXPORT void name params                                            \
	{                                                                  \
		type *op = real_op(OP_##name);                             \
		if (UNLIKELY(!op))                                         \
			find_##name(__VA_ARGS__);                          \
		else if (UNLIKELY(is_counting) && UNLIKELY(live_maybe(p))) \
			sampled_##name(__VA_ARGS__);                       \
		else                                                       \
			op(__VA_ARGS__);                                   \
	}

#define OP(name, what, type, params, ...) what(name, type, params, __VA_ARGS__)
#include "preload/operators.def"
#undef OP
