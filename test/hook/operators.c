// SPDX-License-Identifier: Apache-2.0
//
// Each of the 20 C++ operators, with an allocator that has them all: it is
// called once, with the arguments it was called with. At rate 1 the profile has
// N_ROUNDS blocks of each new, and each delete has taken them out again.
#include "test/lib/operators.h"
#include "test/lib/host.h"

enum { N_ROUNDS = 20, N_BYTES = 100, ALIGN = 16 };

static const char nothrow;
static int n_bad;

static void check(const char *name, size_t a, size_t b, size_t c, int n_before)
{
	const struct operator_call *l = &operator_last;

	if (l->n_calls == n_before + 1 && l->name && !strcmp(l->name, name) &&
	    l->a == a && l->b == b && l->c == c)
		return;
	n_bad++;
	printf("%s(%zx, %zx, %zx) came as %s(%zx, %zx, %zx), %d calls\n", name,
	       a, b, c, l->name, l->a, l->b, l->c, l->n_calls - n_before);
}

// Of the second and third argument, what comes after the block or its size.
static size_t argument(const char *name, int i)
{
	int has_size = !!strstr(name, "Pvm");
	int has_align = !!strstr(name, "align");

	if (has_size && i-- == 0)
		return N_BYTES;
	if (has_align && i-- == 0)
		return ALIGN;
	return strstr(name, "nothrow") && !i ? (size_t)&nothrow : 0;
}

#define CALL_1(name) name(a)
#define CALL_2(name) name(a, b)
#define CALL_3(name) name(a, b, c)

#define USE_NEW(n_args, name)                               \
	static void *use_##name(void)                       \
	{                                                   \
		size_t a = N_BYTES, b = argument(#name, 0); \
		size_t c = argument(#name, 1);              \
		int n_before = operator_last.n_calls;       \
		void *p = CALL_##n_args(name);              \
                                                            \
		check(#name, a, b, c, n_before);            \
		return p;                                   \
	}
#define USE_DELETE(n_args, name)                              \
	static void use_##name(void *p)                       \
	{                                                     \
		size_t a = (size_t)p, b = argument(#name, 0); \
		size_t c = argument(#name, 1);                \
		int n_before = operator_last.n_calls;         \
                                                              \
		CALL_##n_args(name);                          \
		check(#name, a, b, c, n_before);              \
	}
NEWS(USE_NEW)
DELETES(USE_DELETE)

#define LISTED(n_args, name) use_##name,
static void *(*const news[])(void) = {NEWS(LISTED)};
static void (*const deletes[])(void *) = {DELETES(LISTED)};

enum {
	N_NEWS = sizeof(news) / sizeof(*news),
	N_DELETES = sizeof(deletes) / sizeof(*deletes)
};

int main(void)
{
	// All pairs: the allocator doesn't mind.
	for (int round = 0; round < N_ROUNDS; round++)
		for (int i = 0; i < N_NEWS; i++)
			for (int k = 0; k < N_DELETES; k++)
				deletes[k](news[i]());
	return host_verdict(n_bad, "objects=%d", N_ROUNDS * N_NEWS * N_DELETES);
}
