// SPDX-License-Identifier: Apache-2.0
//
// A program with one thread blocks SIGTERM or SIGHUP, gets one, and unblocks
// it. Good: the handler runs then and in the main thread, as it must where
// there is no other thread that could take it.
#include "test/lib/host.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t n_handled, n_elsewhere;

static void on_signal(int s)
{
	(void)s;
	n_handled++;
	n_elsewhere += syscall(SYS_gettid) != getpid();
}

int main(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	const struct timespec pause = {0, 200000};
	sigset_t block, old;
	int n_lost = 0;

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGTERM);
	sigaddset(&block, SIGHUP);
	for (int i = 0; i < 200; i++) {
		int before;

		sigprocmask(SIG_BLOCK, &block, &old);
		kill(getpid(), i & 1 ? SIGTERM : SIGHUP);
		nanosleep(&pause, NULL);
		before = n_handled;
		sigprocmask(SIG_SETMASK, &old, NULL);
		n_lost += n_handled != before + 1;
	}
	return host_verdict(n_lost || n_elsewhere, "early_or_lost=%d other=%d",
			    n_lost, (int)n_elsewhere);
}
