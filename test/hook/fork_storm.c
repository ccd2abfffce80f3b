// SPDX-License-Identifier: Apache-2.0
//
// Usage: fork_storm [N]. Four threads allocate and lock from many different
// stacks while main forks N times; every child allocates, and every eighth
// starts a thread. A lock of a shim that another thread holds at the fork stays
// locked in the child for ever. Good: every child exits 0 within ten seconds.
#include "test/lib/host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_THREADS = 4, CHILD_LIMIT_S = 10 };

static atomic_int is_over;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t child_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t *in_use = &lock;

// DEPTH frames down by one of two call sites each, chosen by BITS.
// NOLINTNEXTLINE: recursion is the point
__attribute__((noinline)) static void work(int depth, unsigned bits)
{
	if (depth == 0) {
		void *volatile p = malloc(20 + (bits & 1023));

		pthread_mutex_lock(in_use);
		pthread_mutex_unlock(in_use);
		free(p);
	} else if (bits & 1) {
		work(depth - 1, bits >> 1);
		__asm__ volatile("");
	} else {
		work(depth - 1, (bits >> 1) | 0x80000000u);
		__asm__ volatile("" ::"r"(depth));
	}
}

static void *keep_working(void *seed)
{
	unsigned r = (unsigned)(uintptr_t)seed;

	while (!is_over) {
		r = r * 1664525u + 1013904223u;
		work(3 + (int)(r >> 28), r >> 5);
	}
	return NULL;
}

static void *allocate_once(void *arg)
{
	free(malloc(100));
	return arg;
}

static void child(int i)
{
	pthread_t thread;

	in_use = &child_lock;
	alarm(CHILD_LIMIT_S);
	for (unsigned k = 0; k < 50; k++)
		work((int)k % 12, k * 2654435761u);
	if (i % 8 == 0) {
		pthread_create(&thread, NULL, allocate_once, NULL);
		pthread_join(thread, NULL);
	}
	_exit(0);
}

// Waits for PID, but not for ever: a hung child may have all signals blocked.
static int wait_for(pid_t pid)
{
	const struct timespec pause = {0, 50000};
	double end_s = host_now_s() + CHILD_LIMIT_S + 2;
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (host_now_s() > end_s) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return status;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1500, status = 0, i = 0;
	pthread_t threads[N_THREADS];

	for (uintptr_t k = 0; k < N_THREADS; k++)
		pthread_create(&threads[k], NULL, keep_working,
			       (void *)(k + 1));
	while (i < n && !status) {
		pid_t pid = fork();

		if (pid == 0)
			child(i);
		if (pid < 0 && errno == EINTR)
			continue;
		status = pid < 0 ? errno : wait_for(pid);
		i++;
	}
	is_over = 1;
	if (status) // the threads may be stuck too
		_exit(host_verdict(1, "child %d status %x", i - 1, status));
	for (int k = 0; k < N_THREADS; k++)
		pthread_join(threads[k], NULL);
	return host_verdict(0, "forks=%d", n);
}
