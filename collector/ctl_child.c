// SPDX-License-Identifier: Apache-2.0
//
// exec's failure comes back through a pipe that a successful exec closes, so
// that "not found" is told apart from a program that exits with 127.
#include "collector/ctl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

// The terminal sends these to the program as well: cprofctl outlives them.
static const int ignored[] = {SIGINT, SIGQUIT};
// These are sent to cprofctl alone.
static const int forwarded[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};

#define N_IGNORED   (sizeof(ignored) / sizeof(*ignored))
#define N_FORWARDED (sizeof(forwarded) / sizeof(*forwarded))

struct saved {
	struct sigaction ignored[N_IGNORED];
	struct sigaction forwarded[N_FORWARDED];
	sigset_t mask;
};

static volatile sig_atomic_t child_pid;
// What the signals did before the child was started.
static struct saved saved;

static void pass_on(int signal_number)
{
	int saved_errno = errno;

	if (child_pid > 0)
		(void)kill((pid_t)child_pid, signal_number);
	errno = saved_errno;
}

// Blocks everything until the child is known, so that no signal gets lost
// between fork and the store of its pid.
static void take_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction pass = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &saved.mask);
	for (size_t i = 0; i < N_IGNORED; i++)
		(void)sigaction(ignored[i], &ignore, &saved.ignored[i]);
	for (size_t i = 0; i < N_FORWARDED; i++)
		(void)sigaction(forwarded[i], &pass, &saved.forwarded[i]);
}

static void give_signals_back(void)
{
	for (size_t i = 0; i < N_IGNORED; i++)
		(void)sigaction(ignored[i], &saved.ignored[i], NULL);
	for (size_t i = 0; i < N_FORWARDED; i++)
		(void)sigaction(forwarded[i], &saved.forwarded[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &saved.mask, NULL);
}

static void become(char **argv, int report_fd)
{
	int error;

	give_signals_back();
	execvp(argv[0], argv);
	error = errno;
	// Where even this fails the parent sees a success and then status 127.
	(void)!write(report_fd, &error, sizeof(error));
	_exit(127);
}

static int read_report(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? -error : 0;
}

int ctl_child_start(char **argv, pid_t *ret_pid)
{
	int report[2], err;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC))
		return -errno;
	take_signals();
	pid = fork();
	err = pid < 0 ? -errno : 0;
	if (!pid)
		become(argv, report[1]);
	child_pid = pid;
	(void)sigprocmask(SIG_SETMASK, &saved.mask, NULL);
	(void)close(report[1]);
	if (!err)
		err = read_report(report[0]);
	(void)close(report[0]);
	if (!err)
		*ret_pid = pid;
	else if (pid > 0)
		(void)ctl_child_wait(pid);
	else
		give_signals_back();
	return err;
}

int ctl_child_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	// Its pid may be somebody else's from now on.
	child_pid = 0;
	give_signals_back();
	return status;
}
