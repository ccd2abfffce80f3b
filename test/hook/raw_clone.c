// SPDX-License-Identifier: Apache-2.0
//
// Usage: raw_clone fork|timer|vm|vfork|thread. Children that no hook of fork or
// pthread_create sees: a copy of the process, one that first of all makes a
// timer and then enters a sandbox, and three that share its memory (and the
// thread block of the thread that made them, which waits): they take memory and
// locks and end by a raw system call. Good: they do so unharmed, the timer is
// still there, and what main allocates before and after is.
#include "test/lib/host.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_BLOCKS = 500, BLOCK_BYTES = 1000, STACK_BYTES = 256 << 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char stack[STACK_BYTES] __attribute__((aligned(64)));
static volatile int thread_tid;

__attribute__((noinline)) static void allocate_500(void)
{
	for (int i = 0; i < N_BLOCKS; i++)
		free(malloc(BLOCK_BYTES));
}

static int child(void *unused)
{
	(void)unused;
	for (int i = 0; i < N_BLOCKS; i++) {
		pthread_mutex_lock(&lock);
		free(malloc(100));
		pthread_mutex_unlock(&lock);
	}
	host_burn_s(0.1);
	syscall(SYS_exit, 7);
	return 0;
}

static int reap(long pid)
{
	int status;

	while (waitpid((pid_t)pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 7;
}

static int by_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		child(NULL);
	return pid < 0 || reap(pid);
}

static int enter_harmless_sandbox(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {1, &allow};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

// The first timer of a process has the number 0, as a shim's in the parent may.
static int by_fork_with_timer(void)
{
	const struct itimerspec later = {.it_value = {1000, 0}};
	struct sigevent none = {.sigev_notify = SIGEV_NONE};
	struct itimerspec left;
	timer_t timer;
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid)
		return pid < 0 || reap(pid);
	if (timer_create(CLOCK_MONOTONIC, &none, &timer) ||
	    timer_settime(timer, 0, &later, NULL) || enter_harmless_sandbox())
		syscall(SYS_exit, 1);
	if (timer_gettime(timer, &left) || !left.it_value.tv_sec)
		syscall(SYS_exit, 2);
	child(NULL);
	return 0;
}

static int by_clone(int flags)
{
	int pid = clone(child, stack + STACK_BYTES, flags | SIGCHLD, NULL);

	return pid < 0 || reap(pid);
}

static int by_thread(void)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		    CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID |
		    CLONE_PARENT_SETTID;
	int tid;

	thread_tid = -1;
	tid = clone(child, stack + STACK_BYTES, flags, NULL, &thread_tid, NULL,
		    &thread_tid);
	while (tid > 0 && thread_tid)
		sched_yield();
	return tid < 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "fork";
	int err;

	allocate_500();
	err = !strcmp(how, "fork")    ? by_fork()
	      : !strcmp(how, "timer") ? by_fork_with_timer()
	      : !strcmp(how, "vm")    ? by_clone(CLONE_VM)
	      : !strcmp(how, "vfork") ? by_clone(CLONE_VM | CLONE_VFORK)
				      : by_thread();
	allocate_500();
	return host_verdict(err, "%s", how);
}
