// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.h with a handler that reads the clock.
#include "test/hook/naive/cpu.h"

static int naive_capture(void **frames, int max)
{
	struct timespec t;

	(void)frames;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return max ? 1 : 0;
}
