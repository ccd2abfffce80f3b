// SPDX-License-Identifier: Apache-2.0
//
// Naive: counts the allocations of NAIVE_BYTES (1,000) that come by malloc, in
// its own memory, and writes their number to the file NAIVE_OUT in a
// destructor.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>

static size_t n_bytes_wanted = 1000;
static atomic_long n_seen;

void *malloc(size_t n)
{
	static void *(*next)(size_t);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "malloc");
	n_seen += n == n_bytes_wanted;
	return next(n);
}

__attribute__((constructor)) static void start(void)
{
	const char *bytes = getenv("NAIVE_BYTES");

	n_bytes_wanted = bytes ? (size_t)atoi(bytes) : n_bytes_wanted;
}

__attribute__((destructor)) static void flush(void)
{
	const char *path = getenv("NAIVE_OUT");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "objects=%ld\n", (long)n_seen);
	close(fd);
}
