// SPDX-License-Identifier: Apache-2.0
//
// Starts itself again and again, each time with another system call refused
// (EPERM) by a seccomp filter that is there from the start, as in a container
// or a unit of systemd's: of those a shim may want and this program does not.
// Good: each child works and ends as if nothing were refused.
#include "test/lib/host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REFUSED_ERRNO = 1, CHILD_LIMIT_S = 20 };

#define CALL(name)                \
	{                         \
#name, SYS_##name \
	}
static const struct {
	const char *name;
	unsigned nr;
} calls[] = {CALL(socket),	    CALL(connect),	 CALL(sendmsg),
	     CALL(sendto),	    CALL(recvmsg),	 CALL(getsockopt),
	     CALL(ppoll),	    CALL(fcntl),	 CALL(madvise),
	     CALL(sigaltstack),	    CALL(timer_create),	 CALL(timer_settime),
	     CALL(timer_delete),    CALL(gettid),	 CALL(getpid),
	     CALL(geteuid),	    CALL(clone),	 CALL(wait4),
	     CALL(sched_yield),	    CALL(nanosleep),	 CALL(rt_sigtimedwait),
	     CALL(rt_sigqueueinfo), CALL(clock_gettime), CALL(getcwd)};
enum { N_CALLS = sizeof(calls) / sizeof(*calls) };

static int refuse(unsigned nr)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | REFUSED_ERRNO),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static void *work(void *arg)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&lock);
		free(malloc(1000));
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static int child(void)
{
	volatile unsigned long sink = 0;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, work, NULL))
			return 1;
	for (int i = 0; i < 20000000; i++)
		sink = sink + 1;
	for (int i = 0; i < 2; i++)
		if (pthread_join(threads[i], NULL))
			return 1;
	return 7;
}

static int status_without(unsigned i)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		alarm(CHILD_LIMIT_S);
		if (refuse(calls[i].nr))
			_exit(77);
		execl("/proc/self/exe", "refused", "child", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	int n_bad = 0;

	(void)argv;
	if (argc > 1)
		return child();
	for (unsigned i = 0; i < N_CALLS; i++) {
		int status = status_without(i);

		if (status == 77 << 8) {
			puts("seccomp is not to be had here");
			return 77;
		}
		if (status != 7 << 8)
			printf("without %s: status %x\n", calls[i].name,
			       (unsigned)status);
		n_bad += status != 7 << 8;
	}
	return host_verdict(n_bad, "refused=%d", (int)N_CALLS);
}
