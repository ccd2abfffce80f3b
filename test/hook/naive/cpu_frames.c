// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.h with a walk along frame pointers, which believes that rbp is one
// everywhere.
#include "test/hook/naive/cpu.h"

#include <ucontext.h>

static NAIVE_TLS void **frame_pointer;

static int naive_capture(void **frames, int max)
{
	void **fp = frame_pointer;
	int n = 0;

	for (; fp && n < max; fp = *fp)
		frames[n++] = fp[1];
	return n;
}

static void on_interrupt(int s, siginfo_t *si, void *uc)
{
	(void)si;
	frame_pointer = (void **)((ucontext_t *)uc)->uc_mcontext.gregs[REG_RBP];
	on_prof(s);
}

__attribute__((constructor(65535))) static void see_registers(void)
{
	struct sigaction action = {.sa_flags = SA_RESTART | SA_SIGINFO};

	action.sa_sigaction = on_interrupt;
	sigaction(signal_number, &action, NULL);
}
