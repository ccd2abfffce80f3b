// SPDX-License-Identifier: Apache-2.0
//
// Usage: seccomp strict|filter [ROUNDS]. After the sandbox is closed (strict:
// read, write, exit and sigreturn only, and even the time stamp counter faults;
// filter: death for all but a short list) the program goes on taking memory
// and locks. Good: no hook and no handler makes a system call.
#include "test/lib/host.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALLOW(name)                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static int close_filter(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		ALLOW(read),
		ALLOW(write),
		ALLOW(exit_group),
		ALLOW(exit),
		ALLOW(rt_sigreturn),
		ALLOW(brk),
		ALLOW(mmap),
		ALLOW(munmap),
		ALLOW(madvise),
		ALLOW(futex),
		ALLOW(clock_gettime),
		ALLOW(close),
		ALLOW(fstat),
		ALLOW(newfstatat),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void allocate(int n, size_t bytes)
{
	void *blocks[200];

	for (int i = 0; i < n; i++)
		blocks[i] = malloc(bytes);
	for (int i = 0; i < n; i++)
		free(blocks[i]);
}

int main(int argc, char **argv)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int is_filter = argc > 1 && !strcmp(argv[1], "filter");
	unsigned n = argc > 2 ? (unsigned)atoi(argv[2]) : 8000000;

	// What malloc has now it will not ask the kernel for later.
	allocate(200, 1000);
	if (is_filter ? close_filter()
		      : prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) {
		puts("seccomp is not to be had here");
		return 77;
	}
	for (unsigned i = 0; i < n; i++) {
		void *p;

		pthread_mutex_lock(&lock);
		p = malloc(64 + (i & 511));
		free(p);
		pthread_mutex_unlock(&lock);
	}
	(void)!write(1, "ok\n", 3);
	syscall(SYS_exit, 0); // exit_group is not allowed in strict mode
}
