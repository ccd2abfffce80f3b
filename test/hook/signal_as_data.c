// SPDX-License-Identifier: Apache-2.0
//
// SIGURG taken from a signalfd, or by sigtimedwait, as postgres wakes its
// processes: blocked, sent by another process, while both burn CPU. Good: each
// comes, from its sender, and nothing else does; the masks and the dispositions
// are what was asked for, here and in a fork child.
#include "test/lib/host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_ROUNDS = 20, WAIT_MS = 5000 };

static int descriptor = -1; // none: by sigtimedwait
static sigset_t urgent;
static int n_bad;

static void check(bool is_good, const char *what)
{
	if (!is_good)
		printf("%d: wrong: %s\n", (int)getpid(), what);
	n_bad += !is_good;
}

// The sender of the next SIGURG, or 0 when none comes within MS.
static pid_t take(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	struct pollfd p = {descriptor, POLLIN, 0};
	struct signalfd_siginfo got;
	siginfo_t si;

	if (descriptor < 0)
		return sigtimedwait(&urgent, &si, &t) == SIGURG ? si.si_pid : 0;
	if (poll(&p, 1, ms) != 1 ||
	    read(descriptor, &got, sizeof(got)) != sizeof(got))
		return 0;
	return got.ssi_signo == SIGURG ? (pid_t)got.ssi_pid : -1;
}

static void check_view(void)
{
	struct sigaction urg, winch;
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	check(sigismember(&mask, SIGURG) == 1, "SIGURG isn't blocked");
	check(sigismember(&mask, SIGWINCH) == 0, "SIGWINCH is blocked");
	sigaction(SIGURG, NULL, &urg);
	sigaction(SIGWINCH, NULL, &winch);
	check(urg.sa_handler == SIG_DFL, "SIGURG has a handler");
	check(winch.sa_handler == SIG_DFL, "SIGWINCH has a handler");
}

static void rounds(double end_s)
{
	check_view();
	for (int i = 0; i < N_ROUNDS; i++) {
		host_burn_cpu_s(0.002);
		kill(getpid(), SIGURG);
		host_burn_cpu_s(0.002);
		check(take(WAIT_MS) == getpid(), "it didn't come");
	}
	host_burn_cpu_s(end_s);
	check(!take(0), "one too many");
	check_view();
}

// Wakes its parent until that has seen all; killed then.
static void wake_parent(void)
{
	pid_t child = fork();

	if (!child)
		for (;;) {
			host_burn_cpu_s(0.002);
			kill(getppid(), SIGURG);
		}
	for (int i = 0; i < N_ROUNDS; i++)
		check(take(WAIT_MS) == child, "it didn't come from a child");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	(void)take(0);
}

int main(int argc, char **argv)
{
	struct rusage used;
	int status = 0;
	pid_t child;

	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	host_burn_cpu_s(0.02);
	// One that came while it was blocked is waiting.
	sigprocmask(SIG_BLOCK, &urgent, NULL);
	kill(getpid(), SIGURG);
	host_burn_cpu_s(0.02);
	if (argc > 1 && !strcmp(argv[1], "descriptor"))
		descriptor = signalfd(-1, &urgent, SFD_NONBLOCK | SFD_CLOEXEC);
	check(take(WAIT_MS) == getpid(), "the first was lost");
	rounds(0.05);
	wake_parent();
	child = fork();
	if (!child) {
		rounds(0.4);
		exit(n_bad != 0);
	}
	wait4(child, &status, 0, &used);
	return host_verdict(n_bad || status,
			    "wrong=%d child_status=%d child=%d cpu_s=%.3f",
			    n_bad, status, (int)child,
			    (double)used.ru_utime.tv_sec +
				    (double)used.ru_utime.tv_usec * 1e-6 +
				    (double)used.ru_stime.tv_sec +
				    (double)used.ru_stime.tv_usec * 1e-6);
}
