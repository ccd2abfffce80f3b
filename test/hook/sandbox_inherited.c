// SPDX-License-Identifier: Apache-2.0
//
// sandbox_inherited WHO: the sandbox reaches further than the thread that
// entered it. WHO is fork (a child works in its parent's sandbox), thread (a
// thread begins in one), ticks (a filter without rt_sigreturn, with which no
// signal handler can return) or all_ticks (the same, put on threads that burn
// CPU all the while). Good: nothing is killed.
#include "test/lib/host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALLOW  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define KILL   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define IS(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1)

// Any of two system calls is death from here on, for all threads or this one.
static void forbid_for(int is_for_all, uint32_t a, uint32_t b)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		IS(a),
		KILL,
		IS(b),
		KILL,
		ALLOW};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    (is_for_all ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				  SECCOMP_FILTER_FLAG_TSYNC, &program)
			: prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program,
				0, 0)))
		exit(77);
}

static void forbid(uint32_t a, uint32_t b)
{
	forbid_for(0, a, b);
}

static void *allocate(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++)
		free(malloc(1 << 20));
	return NULL;
}

static int in_thread(void)
{
	pthread_t t;

	forbid(SYS_gettid, SYS_timer_create);
	return pthread_create(&t, NULL, allocate, NULL) ||
	       pthread_join(t, NULL);
}

static int in_fork(void)
{
	int status;
	pid_t child;

	forbid(SYS_timer_create, SYS_socket);
	child = fork();
	if (!child) {
		host_burn_s(0.1);
		allocate(NULL);
		_exit(0);
	}
	return waitpid(child, &status, 0) != child || status;
}

static int in_ticks(void)
{
	forbid(SYS_rt_sigreturn, SYS_socket);
	host_burn_s(0.3);
	return 0;
}

static void *burn(void *unused)
{
	host_burn_s(0.4);
	return unused;
}

static int in_all_ticks(void)
{
	pthread_t threads[4];
	int err = 0;

	for (int i = 0; i < 4; i++)
		err |= pthread_create(&threads[i], NULL, burn, NULL);
	host_burn_s(0.1);
	forbid_for(1, SYS_rt_sigreturn, SYS_socket);
	for (int i = 0; i < 4; i++)
		err |= pthread_join(threads[i], NULL);
	return err;
}

int main(int argc, char **argv)
{
	const char *who = argc > 1 ? argv[1] : "fork";
	int err = !strcmp(who, "fork")	   ? in_fork()
		  : !strcmp(who, "thread") ? in_thread()
		  : !strcmp(who, "ticks")  ? in_ticks()
					   : in_all_ticks();

	puts(err ? "BAD" : "ok");
	return err;
}
