// SPDX-License-Identifier: Apache-2.0
//
// Naive: unwinds by libunwind in every malloc. NAIVE_STEP=1: frame by frame,
// which tests each address first.
// link: -lunwind
#define UNW_LOCAL_ONLY
#include "test/hook/naive/naive.h"

#include <libunwind.h>

enum { MAX_FRAMES = 64 };

static int is_step;
static volatile int n_frames;
static NAIVE_TLS int is_inside;

static int walk(void)
{
	unw_context_t context;
	unw_cursor_t cursor;
	int n = 1;

	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	while (n < MAX_FRAMES && unw_step(&cursor) > 0)
		n++;
	return n;
}

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);
	void *frames[MAX_FRAMES];

	if (is_inside)
		return p;
	is_inside = 1;
	n_frames = is_step ? walk() : unw_backtrace(frames, MAX_FRAMES);
	is_inside = 0;
	return p;
}

__attribute__((constructor)) static void start(void)
{
	is_step = naive_is("NAIVE_STEP", "1");
}
