// SPDX-License-Identifier: Apache-2.0
//
// Usage: crowd FILE tree N | chain N | churn SECONDS | again PID N. Many
// processes, each of which allocates a number of blocks of its own in work()
// and appends its pid and that number to FILE: a tree of N, alive at once;
// N programs one after the other in one process, by exec; short ones without
// pause; N with the same pid, one after the other (needs root).
#include "test/lib/host.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BRANCHES = 3, AT_ONCE = 4 };

static const char *file;
static char *program;

void work(int n);

__attribute__((noinline)) void work(int n)
{
	for (int i = 0; i < n; i++)
		free(malloc(100));
	__asm__ volatile("");
}

static int number_of(int i)
{
	return 50 + i % 100;
}

static void work_and_note(int n)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600);

	work(n);
	dprintf(fd, "%d %d\n", (int)getpid(), n);
	close(fd);
}

static int wait_all(void)
{
	int n_bad = 0, status;

	while (wait(&status) > 0)
		n_bad += status != 0;
	return n_bad;
}

// Waits until all N processes have come here. 0, or 1: they did not.
static int meet(_Atomic int *x_n_here, int n)
{
	double end_s = host_now_s() + 60;

	atomic_fetch_add(x_n_here, 1);
	while (atomic_load(x_n_here) < n && host_now_s() < end_s)
		usleep(2000);
	return atomic_load(x_n_here) < n;
}

// Process I of N has the children BRANCHES * I + 1 and so on.
static int tree(_Atomic int *x_n_here, int i, int n)
{
	int first = BRANCHES * i + 1;
	int is_bad;

	for (int k = first; k < first + BRANCHES && k < n; k++)
		if (!fork())
			_exit(tree(x_n_here, k, n));
	work_and_note(number_of(i));
	is_bad = meet(x_n_here, n);
	return wait_all() || is_bad;
}

static int plant_tree(int n)
{
	void *shared = mmap(NULL, sizeof(_Atomic int), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return shared == MAP_FAILED ? 1 : tree(shared, 0, n);
}

static int chain(int n)
{
	char number[16];
	char *argv[] = {program, (char *)file, (char[]){"chain"}, number, NULL};

	work_and_note(number_of(n));
	if (n <= 1)
		return 0;
	snprintf(number, sizeof(number), "%d", n - 1);
	execv("/proc/self/exe", argv);
	return 1;
}

static int churn(double s)
{
	double end_s = host_now_s() + s;
	int n_bad = 0, n = 0, status;

	for (; host_now_s() < end_s; n++) {
		if (n >= AT_ONCE && wait(&status) > 0)
			n_bad += status != 0;
		if (!fork()) {
			work_and_note(number_of(n));
			_exit(0);
		}
	}
	return n_bad + wait_all();
}

// The next process of this pid namespace gets PID, if nobody else comes first.
static void ask_for(int pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);

	dprintf(fd, "%d", pid - 1);
	close(fd);
}

static int again(int pid, int n)
{
	for (int i = 0, tries = 0; i < n && tries < 100 * n; tries++) {
		pid_t got;

		ask_for(pid);
		got = fork();
		if (!got) {
			if (getpid() == pid)
				work_and_note(number_of(i));
			_exit(0);
		}
		i += got == pid;
		if (wait_all())
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int n_bad = -1;

	if (argc < 4)
		return 2;
	program = argv[0];
	file = argv[1];
	if (!strcmp(argv[2], "tree"))
		n_bad = plant_tree(atoi(argv[3]));
	else if (!strcmp(argv[2], "chain"))
		n_bad = chain(atoi(argv[3]));
	else if (!strcmp(argv[2], "churn"))
		n_bad = churn(atof(argv[3]));
	else if (!strcmp(argv[2], "again") && argc > 4)
		n_bad = again(atoi(argv[3]), atoi(argv[4]));
	return host_verdict(n_bad != 0, "bad=%d", n_bad);
}
