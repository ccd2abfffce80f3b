// SPDX-License-Identifier: Apache-2.0
//
// Naive: a countdown of bytes without a thought of requests beyond all memory,
// which send it the wrong way. Reports how many of 1,000 bytes it sampled.
#include "test/hook/naive/naive.h"

static int64_t left;
static long n_sampled;

void *malloc(size_t n)
{
	left -= (int64_t)n;
	if (left < 0) {
		n_sampled += n == 1000;
		left = 0;
	}
	return __libc_malloc(n);
}

__attribute__((destructor)) static void end(void)
{
	dprintf(2, "[objects=%ld]\n", n_sampled);
}
