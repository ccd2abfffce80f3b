// SPDX-License-Identifier: Apache-2.0
//
// Naive: finds out about fork by comparing getpid(), and starts afresh when it
// changed: a vfork child does that in the parent's memory. Reports at the end.
#include "test/hook/naive/naive.h"

#include <stdatomic.h>

static pid_t owner;
static atomic_long n_events, n_starts;

void *malloc(size_t n)
{
	pid_t pid = (pid_t)syscall(SYS_getpid);

	if (pid != owner) {
		owner = pid;
		n_starts++;
		n_events = 0;
	}
	n_events += n == 1000;
	return __libc_malloc(n);
}

__attribute__((destructor)) static void end(void)
{
	dprintf(2, "[events=%ld starts=%ld]\n", (long)n_events, (long)n_starts);
}
