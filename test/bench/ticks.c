// SPDX-License-Identifier: Apache-2.0
//
// Usage: ticks DEPTH N: sends itself N signals like a CPU timer's, DEPTH frames
// below main, and prints the CPU time of one: "tick_ns NUMBER". Under the shim
// they are ticks of the thread's own timer, as /proc shows it, so each is a
// sample; without it they come to an empty handler. The kernel's tick would
// allow 250 a second.
#include "test/lib/host.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WARM_UP = 1000 };

static siginfo_t tick;

static void nothing(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
}

// Signal and cookie of the first timer that has one. False: there is no timer.
static bool find_timer(void)
{
	char line[256];
	void *cookie;
	int sig;
	FILE *f = fopen("/proc/self/timers", "r");
	bool is_found = false;

	while (f && !is_found && fgets(line, sizeof(line), f))
		is_found = sscanf(line, "signal: %d/%p", &sig, &cookie) == 2;
	if (f)
		fclose(f);
	if (is_found) {
		tick.si_signo = sig;
		tick.si_value.sival_ptr = cookie;
	}
	return is_found;
}

static void send(long n)
{
	pid_t pid = getpid();

	while (n--)
		if (syscall(SYS_rt_tgsigqueueinfo, pid, pid, tick.si_signo,
			    &tick))
			_exit(1);
}

static double send_timed(long n)
{
	double start_s;

	send(WARM_UP); // the first of a stack is sent whole
	start_s = host_clock_s(CLOCK_THREAD_CPUTIME_ID);
	send(n);
	return host_clock_s(CLOCK_THREAD_CPUTIME_ID) - start_s;
}

static __attribute__((noinline)) double below(int depth, long n)
{
	volatile double took_s =
		depth > 1 ? below(depth - 1, n) : send_timed(n);

	return took_s;
}

int main(int argc, char **argv)
{
	int depth = argc > 1 ? atoi(argv[1]) : 10;
	long n = argc > 2 ? atol(argv[2]) : 100000;
	struct sigaction act = {.sa_sigaction = nothing,
				.sa_flags = SA_SIGINFO | SA_RESTART};

	tick.si_code = SI_TIMER;
	if (!find_timer()) {
		tick.si_signo = SIGURG;
		if (n < 1 || sigaction(SIGURG, &act, NULL))
			return 1;
	}
	printf("tick_ns %.1f\n", below(depth, n) / (double)n * 1e9);
	return 0;
}
