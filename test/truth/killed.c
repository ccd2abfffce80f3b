// SPDX-License-Identifier: Apache-2.0
//
// Usage: killed FILE. Allocates for ever, a little at a time, in keep() and in
// drop(), and counts before and after each in FILE, which it shares: keep_begun
// <= the true number <= keep_done + 1. Meant to be killed.
#include "test/lib/host.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// As the test reads it: four 64-bit words.
struct counts {
	_Atomic uint64_t x_keep_begun;
	_Atomic uint64_t x_keep_done;
	_Atomic uint64_t x_drop_begun;
	_Atomic uint64_t x_drop_done;
};

void *keep(void), drop(void);

__attribute__((noinline)) void *keep(void)
{
	void *p = malloc(1000);

	__asm__ volatile("");
	return p;
}

__attribute__((noinline)) void drop(void)
{
	free(malloc(500));
	__asm__ volatile("");
}

static struct counts *map_counts(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	void *m;

	if (fd < 0 || ftruncate(fd, sizeof(struct counts)))
		return NULL;
	m = mmap(NULL, sizeof(struct counts), PROT_READ | PROT_WRITE,
		 MAP_SHARED, fd, 0);
	close(fd);
	return m == MAP_FAILED ? NULL : m;
}

int main(int argc, char **argv)
{
	struct counts *c = argc > 1 ? map_counts(argv[1]) : NULL;

	if (!c)
		return 2;
	for (;;) {
		for (int i = 0; i < 20; i++) {
			c->x_keep_begun++;
			if (!keep())
				return 3;
			c->x_keep_done++;
			c->x_drop_begun++;
			drop();
			c->x_drop_done++;
		}
		usleep(500);
	}
}
