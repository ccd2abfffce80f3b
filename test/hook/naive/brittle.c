// SPDX-License-Identifier: Apache-2.0
//
// Naive: asserts that it gets what it needs, NAIVE_NEEDS: descriptors, a timer,
// memory, or a file that grows.
#include "test/hook/naive/naive.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

enum { MAP_BYTES = 64 << 20, FILE_BYTES = 1 << 20 };

static int has_descriptors(void)
{
	int pair[2];

	return !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) &&
	       !close(pair[0]) && !close(pair[1]);
}

static int has_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL,
				 .sigev_signo = SIGURG};
	timer_t timer;

	return !timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer);
}

static int has_memory(void)
{
	return mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int has_file(void)
{
	int fd = memfd_create("naive", MFD_CLOEXEC);

	return fd >= 0 && !ftruncate(fd, FILE_BYTES) && !close(fd);
}

__attribute__((constructor)) static void start(void)
{
	if ((naive_is("NAIVE_NEEDS", "descriptors") && !has_descriptors()) ||
	    (naive_is("NAIVE_NEEDS", "timer") && !has_timer()) ||
	    (naive_is("NAIVE_NEEDS", "memory") && !has_memory()) ||
	    (naive_is("NAIVE_NEEDS", "file") && !has_file()))
		abort();
}
