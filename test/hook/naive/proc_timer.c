// SPDX-License-Identifier: Apache-2.0
//
// Naive: one timer of the whole process's CPU time, whose signal goes to any
// thread that will have it.
#include "test/hook/naive/naive.h"

#include <signal.h>
#include <time.h>

static void on_prof(int s)
{
	(void)s;
}

__attribute__((constructor)) static void start(void)
{
	const struct sigaction action = {.sa_handler = on_prof,
					 .sa_flags = SA_RESTART};
	const struct itimerspec period = {{0, 4000000}, {0, 4000000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
				 .sigev_signo = SIGPROF};
	timer_t timer;

	sigaction(SIGPROF, &action, NULL);
	if (!timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer))
		timer_settime(timer, 0, &period, NULL);
}
