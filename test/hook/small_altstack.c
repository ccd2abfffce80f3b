// SPDX-License-Identifier: Apache-2.0
//
// The program has an alternate signal stack of 8 KiB, SIGSTKSZ of old, in a
// heap block with a canary below it, and burns CPU inside and outside of a
// handler that runs there. A profiler's handler that needs more writes into the
// heap, silently. Good: the canary is intact.
#include "test/lib/host.h"

#include <signal.h>
#include <stdlib.h>

enum { CANARY_BYTES = 65536, STACK_BYTES = 8192, CANARY = 0xC3 };

static void on_signal(int s)
{
	(void)s;
	host_burn_s(0.3);
}

int main(void)
{
	unsigned char *block = malloc(CANARY_BYTES + STACK_BYTES);
	stack_t stack = {.ss_sp = block + CANARY_BYTES, .ss_size = STACK_BYTES};
	const struct sigaction action = {.sa_handler = on_signal,
					 .sa_flags = SA_ONSTACK};
	int n_changed = 0;

	memset(block, CANARY, CANARY_BYTES);
	if (sigaltstack(&stack, NULL))
		return host_verdict(1, "sigaltstack");
	sigaction(SIGUSR1, &action, NULL);
	host_burn_s(0.4);
	raise(SIGUSR1);
	raise(SIGUSR1);
	for (int i = 0; i < CANARY_BYTES; i++)
		n_changed += block[i] != CANARY;
	return host_verdict(n_changed, "changed_bytes=%d", n_changed);
}
