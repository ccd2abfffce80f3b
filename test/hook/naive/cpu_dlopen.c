// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.h with a libunwind that was opened with RTLD_LOCAL, which keeps
// its symbols apart but makes its thread-local storage dynamic: its first use
// in a thread allocates, in the handler.
#include "test/hook/naive/cpu.h"

static int naive_capture(void **frames, int max)
{
	static int (*backtrace)(void **, int);

	if (!backtrace) {
		void *lib = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

		*(void **)&backtrace = dlsym(lib, "unw_backtrace");
	}
	return backtrace(frames, max);
}

// Resolves before any signal comes.
__attribute__((constructor(65535))) static void open_early(void)
{
	void *frames[8];

	naive_capture(frames, 8);
}
