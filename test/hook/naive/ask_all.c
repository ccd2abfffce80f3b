// SPDX-License-Identifier: Apache-2.0
//
// Naive: asks all threads for their stacks again and again, whatever call they
// sleep in: SA_RESTART will do.
#include "test/hook/naive/naive.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { PAUSE_NS = 3000000 };

static void on_asked(int sig)
{
	(void)sig;
}

static void ask_all(int own_tid)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *e;

	while (tasks && (e = readdir(tasks)))
		if (atoi(e->d_name) > 0 && atoi(e->d_name) != own_tid)
			(void)syscall(SYS_tgkill, getpid(), atoi(e->d_name),
				      SIGURG);
	if (tasks)
		closedir(tasks);
}

static void *ask_on(void *arg)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	for (;;) {
		ask_all(naive_tid());
		(void)nanosleep(&pause, NULL);
	}
	return arg;
}

__attribute__((constructor)) static void start(void)
{
	struct sigaction action = {.sa_handler = on_asked,
				   .sa_flags = SA_RESTART};
	pthread_t t;

	(void)sigaction(SIGURG, &action, NULL);
	(void)pthread_create(&t, NULL, ask_on, NULL);
}
