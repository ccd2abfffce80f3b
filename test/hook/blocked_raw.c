// SPDX-License-Identifier: Apache-2.0
//
// Blocks all signals by the system call, past every hook, burns a while of
// CPU, lets them through again, and burns another. Good: it gets no signal
// that nobody of its own sent (SIGURG may wait). The profile has all of it.
#include "test/lib/host.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	const unsigned long all = ~0ul, none = 0;
	sigset_t pending;
	int n_foreign = 0;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
	host_burn_cpu_s(0.6);
	sigpending(&pending);
	for (int s = 1; s < 65; s++)
		n_foreign += s != SIGURG && sigismember(&pending, s) == 1;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
	host_burn_cpu_s(0.4);
	return host_verdict(n_foreign, "foreign=%d cpu_s=%.2f", n_foreign,
			    host_clock_s(CLOCK_PROCESS_CPUTIME_ID));
}
