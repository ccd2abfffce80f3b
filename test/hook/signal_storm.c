// SPDX-License-Identifier: Apache-2.0
//
// Usage: signal_storm before|after. Four threads block SIGURG and let it
// through again as fast as they can, burn CPU, fork and use sigsuspend, while
// main sends it to the process and to each of them. The handler is installed
// before they begin to block it, or after. Good: it never runs in a thread that
// blocks the signal, it does run, and every thread ends.
#include "test/lib/host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_THREADS = 4, N_ROUNDS = 400, ROUND_FORK = 50 };

static __thread volatile sig_atomic_t is_blocked;
static atomic_int n_handled, n_wrong, n_ready, n_ended, may_begin;
static sigset_t urgent, before;

static void on_signal(int sig)
{
	int err = errno;

	(void)sig;
	n_handled++;
	n_wrong += is_blocked;
	errno = err;
}

static void install(void)
{
	const struct sigaction act = {.sa_handler = on_signal,
				      .sa_flags = SA_RESTART};

	sigaction(SIGURG, &act, NULL);
}

static int is_in_mask(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	return sigismember(&mask, SIGURG);
}

static void block(void)
{
	pthread_sigmask(SIG_BLOCK, &urgent, NULL);
	is_blocked = 1;
}

static void unblock(void)
{
	is_blocked = 0;
	pthread_sigmask(SIG_UNBLOCK, &urgent, NULL);
}

// With one of its own to wait for, so that it ends.
static void suspend(void)
{
	raise(SIGURG);
	is_blocked = 0;
	sigsuspend(&before);
	is_blocked = 1;
}

static void fork_one(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(is_in_mask() == 1 ? 7 : 1);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	n_wrong += pid < 0 || status != 7 << 8;
}

static void *run(void *arg)
{
	block();
	n_ready++;
	while (!may_begin)
		host_burn_cpu_s(0.001);
	for (int i = 0; i < N_ROUNDS; i++) {
		host_burn_cpu_s(0.0002);
		n_wrong += is_in_mask() != 1;
		if (i % ROUND_FORK == 0)
			fork_one();
		suspend();
		unblock();
		n_wrong += is_in_mask() != 0;
		block();
	}
	unblock();
	n_ended++;
	return arg;
}

int main(int argc, char **argv)
{
	int is_after = argc > 1 && !strcmp(argv[1], "after");
	pthread_t threads[N_THREADS];
	const struct timespec pause = {0, 200000};

	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	if (!is_after)
		install();
	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	while (n_ready < N_THREADS)
		nanosleep(&pause, NULL);
	if (is_after)
		install();
	may_begin = 1;
	for (int i = 0; n_ended < N_THREADS; i++) {
		kill(getpid(), SIGURG);
		if (n_ended == 0)
			pthread_kill(threads[i % N_THREADS], SIGURG);
		nanosleep(&pause, NULL);
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	return host_verdict(n_wrong || !n_handled, "wrong=%d handled=%s",
			    (int)n_wrong, n_handled ? "some" : "none");
}
