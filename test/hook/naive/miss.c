// SPDX-License-Identifier: Apache-2.0
//
// Asks for operators that a C program doesn't have: the loader writes an error
// message for it, in memory of the program's heap.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>

__attribute__((constructor)) static void look(void)
{
	(void)dlsym(RTLD_NEXT, "_Znwm");
	(void)dlsym(RTLD_NEXT, "malloc");
}
