// SPDX-License-Identifier: Apache-2.0
//
// Usage: family fork|ways|exec|daemon FILE. A parent allocates 50 blocks, has
// children that allocate 100, 200, 300 and 400 (fork: without exec; ways: by
// each of the functions that fork; exec: by running itself; daemon: one, forked
// twice, with every descriptor closed and another working directory), and 50
// more. The pids are appended to FILE.
#include "test/lib/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_CHILDREN = 4 };

static const char *pid_file;

void parent_work(void), child_work(int n);

__attribute__((noinline)) void parent_work(void)
{
	for (int i = 0; i < 50; i++)
		free(malloc(1000));
	__asm__ volatile("");
}

__attribute__((noinline)) void child_work(int n)
{
	for (int i = 0; i < n; i++)
		free(malloc(2000));
	host_burn_cpu_s(0.1);
	__asm__ volatile("");
}

static void note_pid(int n)
{
	int fd = open(pid_file, O_WRONLY | O_APPEND | O_CREAT, 0600);

	dprintf(fd, "%d %d\n", (int)getpid(), n);
	close(fd);
}

static void child(int n)
{
	child_work(n);
	note_pid(n);
}

static void exec_self(char *program, int n)
{
	char number[16], file[512];
	char *argv[] = {program, (char[]){"child"}, file, number, NULL};

	snprintf(number, sizeof(number), "%d", n);
	snprintf(file, sizeof(file), "%s", pid_file);
	execv("/proc/self/exe", argv);
	_exit(99);
}

static void become_daemon(void)
{
	setsid();
	if (fork() != 0)
		_exit(0);
	closefrom(0);
	open("/dev/null", O_RDWR);
	(void)!dup(0);
	(void)!dup(0);
	umask(0);
	(void)!chdir("/");
	child(400);
	exit(0);
}

static pid_t fork_nth(const char *mode, int i)
{
	int terminal;

	if (strcmp(mode, "ways"))
		return fork();
	switch (i) {
	case 1:
		return _Fork();
	case 2:
		return forkpty(&terminal, NULL, NULL, NULL);
	default:
		return fork();
	}
}

static int have_children(char *program, const char *mode)
{
	int n_bad = 0, status;
	int n_children = strcmp(mode, "daemon") ? N_CHILDREN : 1;

	for (int i = 1; i <= n_children; i++) {
		pid_t pid = fork_nth(mode, i);

		if (pid == 0 && !strcmp(mode, "daemon"))
			become_daemon();
		if (pid == 0 && !strcmp(mode, "exec"))
			exec_self(program, i * 100);
		if (pid == 0 && !strcmp(mode, "ways") && i == N_CHILDREN &&
		    daemon(0, 0))
			_exit(98);
		if (pid == 0) {
			child(i * 100);
			exit(0);
		}
	}
	while (wait(&status) > 0)
		n_bad += status != 0;
	return n_bad;
}

int main(int argc, char **argv)
{
	int n_bad;

	if (argc < 3)
		return 2;
	pid_file = argv[2];
	if (argc > 3) {
		child(atoi(argv[3]));
		return 0;
	}
	parent_work();
	n_bad = have_children(argv[0], argv[1]);
	parent_work();
	note_pid(0);
	return host_verdict(n_bad, "children that failed: %d", n_bad);
}
