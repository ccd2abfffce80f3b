// SPDX-License-Identifier: Apache-2.0
//
// All signals are blocked everywhere; main takes them by sigwait while a worker
// burns CPU and then sends one SIGUSR2. Good: main sees the three SIGUSR2 and
// no signal of anybody else's.
#include "test/lib/host.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { N_ROUNDS = 3 };

static void *burn(void *arg)
{
	host_burn_s(0.3);
	kill(getpid(), SIGUSR2);
	return arg;
}

int main(void)
{
	sigset_t all;
	int n_own = 0, n_foreign = 0, foreign = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < N_ROUNDS; i++) {
		pthread_t thread;
		int s = 0;

		pthread_create(&thread, NULL, burn, NULL);
		while (s != SIGUSR2) {
			if (sigwait(&all, &s))
				continue;
			if (s == SIGUSR2) {
				n_own++;
			} else {
				n_foreign++;
				foreign = s;
			}
		}
		pthread_join(thread, NULL);
	}
	return host_verdict(n_foreign || n_own != N_ROUNDS,
			    "own=%d foreign=%d signal=%d", n_own, n_foreign,
			    foreign);
}
