// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.h with libunwind's unw_backtrace in the handler.
// link: -lunwind
#define UNW_LOCAL_ONLY
#include "test/hook/naive/cpu.h"

#include <libunwind.h>

static int naive_capture(void **frames, int max)
{
	return unw_backtrace(frames, max);
}
