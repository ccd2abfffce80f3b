// SPDX-License-Identifier: Apache-2.0
//
// Naive: says that it is there.
#include "test/hook/naive/naive.h"

__attribute__((constructor)) static void start(void)
{
	fprintf(stderr, "profiling %d\n", (int)getpid());
}
