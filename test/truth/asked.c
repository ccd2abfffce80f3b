// SPDX-License-Identifier: Apache-2.0
//
// Threads that are where their names say, N of each kind, in calls that are
// restarted after a signal and in those that are not. Ends when stdin does, and
// prints how often each kind of call was interrupted: "in_poll 0".
//
//	asked N [timeout|seccomp]
//
// With "timeout" the sockets have one, and one semaphore; with "seccomp" a
// thread is killed if it returns from a signal handler.
#include "preload/cprof.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t empty;
static int pipe_fds[2], pair[2], listener, epoll_fd, vfork_fds[2];
static pid_t sleeper;
static bool has_timeouts;

static struct timespec in_an_hour(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 3600;
	return t;
}

// KIND(name, what it does, has -1 and errno)
#define KINDS(KIND)                                                            \
	KIND(read, read(pipe_fds[0], (char[1]){0}, 1))                         \
	KIND(recv, recv(pair[0], (char[1]){0}, 1, 0))                          \
	KIND(accept, accept(listener, NULL, NULL))                             \
	KIND(wait, waitpid(sleeper, (int[1]){0}, 0))                           \
	KIND(semaphore, sem_wait(&empty))                                      \
	KIND(mutex, -pthread_mutex_lock(&held))                                \
	KIND(rwlock, -pthread_rwlock_rdlock(&written))                         \
	KIND(cond, wait_cond(NULL))                                            \
	KIND(timed_cond, wait_cond((struct timespec[1]){in_an_hour()}))        \
	KIND(poll, poll(&(struct pollfd){pipe_fds[0], POLLIN, 0}, 1, -1))      \
	KIND(epoll, epoll_wait(epoll_fd, (struct epoll_event[1]){{0}}, 1, -1)) \
	KIND(select,                                                           \
	     select(0, NULL, NULL, NULL, (struct timeval[1]){{999, 0}}))       \
	KIND(nanosleep, nanosleep(&(struct timespec){999, 0}, NULL))           \
	KIND(pause, pause())                                                   \
	KIND(sigwait, wait_signal())                                           \
	KIND(blocking, read_blocking())

static long wait_cond(const struct timespec *until)
{
	pthread_mutex_lock(&cond_mutex);
	if (until)
		pthread_cond_timedwait(&never, &cond_mutex, until);
	else
		pthread_cond_wait(&never, &cond_mutex);
	errno = EINTR; // nobody woke it: as bad as that
	return -1;
}

static long wait_signal(void)
{
	sigset_t set;

	// A set with all but what ends a program: ours, too.
	sigfillset(&set);
	sigdelset(&set, SIGTERM);
	return syscall(SYS_rt_sigtimedwait, &set, NULL, NULL, 8);
}

static long read_blocking(void)
{
	uint64_t all = ~0ull;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8);
	return read(pipe_fds[0], (char[1]){0}, 1);
}

#define COUNT(name, call) static atomic_int n_##name;
KINDS(COUNT)

#define RUN(name, call)                                             \
	__attribute__((noinline)) static void *in_##name(void *arg) \
	{                                                           \
		cprof_label("kind", #name);                         \
		while ((long)(call) < 0 && errno == EINTR)          \
			atomic_fetch_add(&n_##name, 1);             \
		return arg;                                         \
	}
KINDS(RUN)

__attribute__((noinline)) static void *in_holder(void *arg)
{
	pthread_mutex_lock(&held);
	pthread_rwlock_wrlock(&written);
	sem_post(arg);
	return in_pause(NULL);
}

__attribute__((noinline)) static void *in_loop(void *arg)
{
	for (;;)
		__asm__ volatile("");
	return arg;
}

// Forks while it is asked: its children are others.
__attribute__((noinline)) static void *in_fork(void *arg)
{
	for (;;) {
		int status;
		pid_t pid = fork();

		if (!pid)
			_exit(7);
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    WEXITSTATUS(status) != 7)
			abort();
	}
	return arg;
}

__attribute__((noinline)) static void *in_vfork(void *arg)
{
	if (!vfork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!read(vfork_fds[0], (char[1]){0}, 1);
		_exit(0);
	}
	return arg;
}

// A filter that kills whoever returns from a handler.
__attribute__((noinline)) static void *in_sandbox(void *arg)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, code};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	// Past the shim, which would stop asking for system calls.
	syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	(void)!read(pipe_fds[0], (char[1]){0}, 1);
	return arg;
}

static void begin(void *(*run)(void *), void *arg, const char *name)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	if (pthread_create(&t, &attr, run, arg))
		abort();
	pthread_setname_np(t, name);
}

static void open_all(void)
{
	struct sockaddr_un nowhere = {.sun_family = AF_UNIX};
	struct timeval long_time = {9999, 0};

	if (pipe(pipe_fds) || pipe(vfork_fds) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&nowhere,
		 sizeof(nowhere.sun_family)) ||
	    listen(listener, 5))
		abort();
	epoll_fd = epoll_create1(0);
	sem_init(&empty, 0, 0);
	if (has_timeouts) {
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &long_time,
			   sizeof(long_time));
		setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &long_time,
			   sizeof(long_time));
	}
	sleeper = fork();
	if (!sleeper) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!read(vfork_fds[0], (char[1]){0}, 1);
		_exit(0);
	}
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	sem_t is_held;

	has_timeouts = argc > 2 && !strcmp(argv[2], "timeout");
	open_all();
	sem_init(&is_held, 0, 0);
	begin(in_holder, &is_held, "holder");
	while (sem_wait(&is_held))
		;
#define BEGIN(name, call)           \
	for (int i = 0; i < n; i++) \
		begin(in_##name, NULL, #name);
	KINDS(BEGIN)
	begin(in_loop, NULL, "loop");
	begin(in_fork, NULL, "fork");
	begin(in_vfork, NULL, "vfork");
	if (argc > 2 && !strcmp(argv[2], "seccomp"))
		begin(in_sandbox, NULL, "sandbox");
	printf("ready\n");
	fflush(stdout);
	while (read(0, (char[1]){0}, 1) < 0 && errno == EINTR)
		;
#define PRINT(name, call) printf("in_%s %d\n", #name, n_##name);
	KINDS(PRINT)
	fflush(stdout);
	kill(sleeper, SIGKILL);
	_exit(0);
}
