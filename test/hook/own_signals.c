// SPDX-License-Identifier: Apache-2.0
//
// A program with a profiler of its own (SIGPROF and ITIMER_PROF at 100 Hz) and
// handlers for SIGUSR1, SIGUSR2 and SIGURG. Good: it finds the defaults before
// it sets its own, reads its own back, gets its own ticks and nobody else's,
// and each kill() once.
#include "test/lib/host.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

enum { N_KILLS = 10 };

static const int own[] = {SIGPROF, SIGUSR1, SIGUSR2, SIGURG};
enum { N_OWN = sizeof(own) / sizeof(*own) };
static volatile sig_atomic_t n_got[65];

static void on_signal(int s)
{
	n_got[s]++;
}

// How many of the signals had a handler before, or not ours afterwards.
static int n_wrong_handlers(void)
{
	const struct sigaction action = {.sa_handler = on_signal,
					 .sa_flags = SA_RESTART};
	struct sigaction old;
	int n = 0;

	for (int i = 0; i < N_OWN; i++) {
		sigaction(own[i], &action, &old);
		n += old.sa_handler != SIG_DFL;
		sigaction(own[i], NULL, &old);
		n += old.sa_handler != on_signal;
	}
	return n;
}

int main(void)
{
	const struct itimerval tick = {{0, 10000}, {0, 10000}};
	struct itimerval old;
	int n_wrong = n_wrong_handlers(), n_missed = 0, n_ticks;

	setitimer(ITIMER_PROF, &tick, &old);
	n_wrong += old.it_value.tv_sec || old.it_value.tv_usec;
	host_burn_cpu_s(1);
	for (int i = 0; i < N_KILLS; i++)
		for (int k = 1; k < N_OWN; k++)
			kill(getpid(), own[k]);
	for (int k = 1; k < N_OWN; k++)
		n_missed += n_got[own[k]] != N_KILLS;
	n_ticks = n_got[SIGPROF];
	return host_verdict(n_wrong || n_missed || n_ticks < 80 ||
				    n_ticks > 130,
			    "wrong_handlers=%d wrong_counts=%d ticks=%d",
			    n_wrong, n_missed, n_ticks);
}
