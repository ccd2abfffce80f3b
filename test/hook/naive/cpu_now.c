// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.c without lazy binding, which would hide how much stack the
// unwinder itself takes.
// link: -lunwind -Wl,-z,now
#define UNW_LOCAL_ONLY
#include "test/hook/naive/cpu.h"

#include <libunwind.h>

static int naive_capture(void **frames, int max)
{
	return unw_backtrace(frames, max);
}
