// SPDX-License-Identifier: Apache-2.0
//
// Usage: refused calls|limits. Starts itself again and again, each time with
// something refused that a shim may want and this program does not: a system
// call (EPERM, by a seccomp filter that is there from the start, as in a
// container or a unit of systemd's), or more of a resource than a limit allows.
// Good: each child works and ends as if nothing were refused.
#include "test/lib/host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

// The loader needs one descriptor.
static const struct {
	const char *name;
	int resource;
	rlim_t most;
} limits[] = {{"descriptors", RLIMIT_NOFILE, 4},
	      {"growing files", RLIMIT_FSIZE, 0},
	      {"timers", RLIMIT_SIGPENDING, 0},
	      {"addresses", RLIMIT_AS, 48 << 20},
	      {"locked memory", RLIMIT_MEMLOCK, 0},
	      {"cores", RLIMIT_CORE, 0}};
enum { N_LIMITS = sizeof(limits) / sizeof(*limits) };

static int limit(unsigned i)
{
	const struct rlimit r = {limits[i].most, limits[i].most};

	return setrlimit((__rlimit_resource_t)limits[i].resource, &r);
}

// Starts this program as the child with the Ith of both lists refused.
static int status_without(unsigned i, int is_limit)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		alarm(CHILD_LIMIT_S);
		if (is_limit ? limit(i) : refuse(calls[i].nr))
			_exit(77);
		execl("/proc/self/exe", "refused", "child", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	return status;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "calls";
	int is_limit = !strcmp(what, "limits"), n_bad = 0;
	unsigned n = is_limit ? N_LIMITS : N_CALLS;

	if (!strcmp(what, "child"))
		return child();
	for (unsigned i = 0; i < n; i++) {
		int status = status_without(i, is_limit);

		if (status == 77 << 8) {
			puts("it can't be refused here");
			return 77;
		}
		if (status != 7 << 8)
			printf("without %s: status %x\n",
			       is_limit ? limits[i].name : calls[i].name,
			       (unsigned)status);
		n_bad += status != 7 << 8;
	}
	return host_verdict(n_bad, "refused=%u", n);
}
