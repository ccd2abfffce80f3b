// SPDX-License-Identifier: Apache-2.0
//
// Naive: does nothing at all, but is linked with libunwind, whose _Unwind_* now
// come before libgcc's for everybody.
// link: -lunwind
#define UNW_LOCAL_ONLY
#include "test/hook/naive/naive.h"

#include <libunwind.h>

void *naive_keep_reference(void);

void *naive_keep_reference(void)
{
	int (*backtrace)(void **, int) = unw_backtrace;

	return *(void **)&backtrace;
}
