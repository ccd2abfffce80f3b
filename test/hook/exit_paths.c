// SPDX-License-Identifier: Apache-2.0
//
// Usage: exit_paths WAY. Allocates exactly 1,000 blocks of 1,000 bytes in
// alloc_site() while another thread allocates too, and ends in that way. Good:
// the wait status is the one without a shim, and at rate 1 the profile has the
// 1,000 objects.
#include "test/lib/host.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

void *alloc_site(void);

static char *program;

__attribute__((noinline)) void *alloc_site(void)
{
	void *p = malloc(1000);

	__asm__ volatile("");
	return p;
}

static void *spin(void *arg)
{
	for (;;)
		free(malloc(50));
	return arg;
}

static void *exit_3(void *arg)
{
	(void)arg;
	exit(3);
}

static void *exit_5_later(void *arg)
{
	(void)arg;
	usleep(50000);
	exit(5);
}

static void on_alarm(int s)
{
	(void)s;
	_exit(4);
}

static void end_by_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_3, NULL);
	pause();
}

static void end_by_handler(void)
{
	signal(SIGALRM, on_alarm);
	ualarm(50000, 0);
	for (;;)
		free(malloc(70));
}

static void end_main_only(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, exit_5_later, NULL);
	pthread_exit(NULL);
}

static void end_by_exec(void)
{
	char *argv[] = {program, (char[]){"execed"}, NULL};

	execv("/proc/self/exe", argv);
}

static void end_by_exit(void)
{
	exit(1);
}

static void end_by_raw_exit(void)
{
	_exit(2);
}

static void end_by_capital_exit(void)
{
	_Exit(2);
}

static void end_by_quick_exit(void)
{
	quick_exit(2);
}

static void end_by_segv(void)
{
	volatile int *volatile nowhere = (volatile int *)8;

	*nowhere = 1;
}

static void end_by_sigterm(void)
{
	raise(SIGTERM);
}

static void end_by_sigkill(void)
{
	raise(SIGKILL);
}

static void end_by_syscall(void)
{
	syscall(SYS_exit_group, 2);
}

static const struct {
	const char *name;
	void (*end)(void);
} ways[] = {{"exit", end_by_exit},
	    {"_exit", end_by_raw_exit},
	    {"_Exit", end_by_capital_exit},
	    {"quick_exit", end_by_quick_exit},
	    {"abort", abort},
	    {"segv", end_by_segv},
	    {"sigterm", end_by_sigterm},
	    {"sigkill", end_by_sigkill},
	    {"rawexit", end_by_syscall},
	    {"thread_exit", end_by_thread},
	    {"sigexit", end_by_handler},
	    {"main_pexit", end_main_only},
	    {"execself", end_by_exec}};

int main(int argc, char **argv)
{
	pthread_t thread;

	program = argv[0];
	if (argc > 1 && !strcmp(argv[1], "execed"))
		return 6;
	for (int i = 0; i < 1000; i++)
		if (!alloc_site())
			return 9;
	pthread_create(&thread, NULL, spin, NULL);
	usleep(1000);
	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[1], ways[i].name))
			ways[i].end();
	return 0;
}
