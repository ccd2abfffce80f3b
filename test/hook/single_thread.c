// SPDX-License-Identifier: Apache-2.0
//
// A program that never made a thread is single-threaded. Good: one task, the
// C library's shortcut for such programs is on, and unshare(CLONE_NEWUSER),
// which the kernel grants to these alone, answers as it does without a shim
// (EPERM where namespaces are forbidden, never EINVAL).
#include "test/lib/host.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/single_threaded.h>

static int n_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;
	int n = 0;

	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

int main(void)
{
	int tasks, single, error;

	free(malloc(10));
	tasks = n_tasks();
	single = __libc_single_threaded;
	error = unshare(CLONE_NEWUSER) ? errno : 0;
	return host_verdict(tasks != 1 || !single || error == EINVAL,
			    "tasks=%d single=%d unshare=%s", tasks, single,
			    strerror(error));
}
