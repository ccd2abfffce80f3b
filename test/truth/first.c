// SPDX-License-Identifier: Apache-2.0
//
// Usage: first COLLECTOR. Allocates a lot at once while the collector, a
// process of this number, is stopped: so busy is a machine at worst.
#include "test/lib/host.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

enum { N_BLOCKS = 20000, BLOCK_BYTES = 500 };

static void *blocks[N_BLOCKS];

void *keep(void);

__attribute__((noinline)) void *keep(void)
{
	void *p = malloc(BLOCK_BYTES);

	__asm__ volatile("");
	return p;
}

static int is_stopped(pid_t pid)
{
	char name[64], text[256];
	int fd, n;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		return -1;
	n = (int)read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, ") T ") != NULL;
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
	int is;

	if (pid <= 0 || kill(pid, SIGSTOP))
		return 2;
	while (!(is = is_stopped(pid)))
		usleep(1000);
	for (int i = 0; i < N_BLOCKS; i++)
		blocks[i] = keep();
	kill(pid, SIGCONT);
	return is == 1 && blocks[N_BLOCKS - 1] ? 0 : 1;
}
