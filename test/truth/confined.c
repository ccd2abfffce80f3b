// SPDX-License-Identifier: Apache-2.0
//
// Usage: confined FOLDER [keep]. As daemons do: changes root to FOLDER, drops
// root's rights, makes itself undumpable, closes everything (unless "keep": the
// socket transport lives by its descriptor), and works. Nobody can look into it
// from outside after that.
#include "test/lib/host.h"

#include <grp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { NOBODY = 65534, N_BLOCKS = 1000 };

void *confined_work(void *arg);

__attribute__((noinline)) void *confined_work(void *arg)
{
	for (int i = 0; i < N_BLOCKS; i++)
		free(malloc(1000));
	host_burn_cpu_s(0.2);
	__asm__ volatile("");
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2 || chroot(argv[1]) || chdir("/") || setgroups(0, NULL) ||
	    setgid(NOBODY) || setuid(NOBODY))
		return host_verdict(1, "can't confine itself");
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (argc < 3)
		closefrom(3);
	pthread_create(&thread, NULL, confined_work, NULL);
	pthread_join(thread, NULL);
	return host_verdict(0, "blocks=%d", N_BLOCKS);
}
