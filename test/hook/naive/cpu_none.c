// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.h with an empty handler: what timers and signals alone break.
#include "test/hook/naive/cpu.h"

static int naive_capture(void **frames, int max)
{
	(void)frames;
	(void)max;
	return 0;
}
