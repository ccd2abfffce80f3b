// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.h with a copy of the stack, as much of it as a record holds,
// wherever it ends.
#include "test/hook/naive/cpu.h"

enum { COPY_BYTES = 16384 };

static NAIVE_TLS char copied[COPY_BYTES];

static int naive_capture(void **frames, int max)
{
	(void)frames;
	(void)max;
	__builtin_memcpy(copied, __builtin_frame_address(0), COPY_BYTES);
	__asm__ volatile("" : : "r"(copied) : "memory");
	return 0;
}
