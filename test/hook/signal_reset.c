// SPDX-License-Identifier: Apache-2.0
//
// Sets every signal back to its default, as shells and supervisors do for their
// children, and burns one second of CPU. Usage: signal_reset [raw]; raw: by the
// system call, past every hook. Good: it lives.
#include "test/lib/host.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const unsigned long default_action[4] = {0};

	(void)argv;
	for (int s = 1; s < 65; s++) {
		if (argc > 1)
			syscall(SYS_rt_sigaction, s, default_action, NULL, 8);
		else
			signal(s, SIG_DFL);
	}
	host_burn_cpu_s(1);
	return host_verdict(0, "burnt");
}
