// SPDX-License-Identifier: Apache-2.0
//
// Sets every signal back to its default, as shells and supervisors do for their
// children, and burns one second of CPU. Usage: signal_reset [raw|handler];
// raw: by the system call, past every hook; handler: to a handler of its own,
// that way. Good: it lives, and gets no signal but SIGURG.
#include "test/lib/host.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESTORER 0x04000000ul // the kernel's SA_RESTORER

static volatile sig_atomic_t n_foreign;

static void on_signal(int sig)
{
	n_foreign += sig != SIGURG;
}

__attribute__((naked)) static void return_from_handler(void)
{
	__asm__("mov $15, %eax; syscall"); // rt_sigreturn
}

int main(int argc, char **argv)
{
	const unsigned long default_action[4] = {0};
	const unsigned long own_action[4] = {(unsigned long)on_signal, RESTORER,
					     (unsigned long)return_from_handler,
					     0};
	int is_own = argc > 1 && !strcmp(argv[1], "handler");

	for (int s = 1; s < 65; s++) {
		if (argc > 1)
			syscall(SYS_rt_sigaction, s,
				is_own ? own_action : default_action, NULL, 8);
		else
			signal(s, SIG_DFL);
	}
	host_burn_cpu_s(1);
	return host_verdict(n_foreign, "foreign=%d", (int)n_foreign);
}
