// SPDX-License-Identifier: Apache-2.0
//
// Naive: unw_backtrace in every malloc, whose cache outlives the libraries it
// knows, compared with an unwinding frame by frame. Reports at the end.
// link: -lunwind
#define UNW_LOCAL_ONLY
#include "test/hook/naive/naive.h"

#include <libunwind.h>
#include <stdatomic.h>

enum { MAX_FRAMES = 64 };

static atomic_long n_right, n_wrong;
static NAIVE_TLS int is_inside;

static int walk(void **frames)
{
	unw_context_t context;
	unw_cursor_t cursor;
	int n = 0;

	unw_getcontext(&context);
	unw_init_local(&cursor, &context);
	while (n < MAX_FRAMES && unw_step(&cursor) > 0) {
		unw_word_t pc;

		unw_get_reg(&cursor, UNW_REG_IP, &pc);
		frames[n++] = (void *)pc;
	}
	return n;
}

// The two start in different functions: compared from the outermost frame.
static void compare(void)
{
	void *cached[MAX_FRAMES], *walked[MAX_FRAMES];
	int n = unw_backtrace(cached, MAX_FRAMES), m = walk(walked);
	int is_wrong = n - m > 1 || m - n > 1;

	for (int i = 1; i < n - 1 && i < m - 1; i++)
		is_wrong |= cached[n - i] != walked[m - i];
	if (is_wrong)
		n_wrong++;
	else
		n_right++;
}

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);

	if (!is_inside) {
		is_inside = 1;
		compare();
		is_inside = 0;
	}
	return p;
}

__attribute__((destructor)) static void end(void)
{
	dprintf(2, "[right=%ld wrong=%ld]\n", (long)n_right, (long)n_wrong);
}
