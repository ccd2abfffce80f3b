// SPDX-License-Identifier: Apache-2.0
//
// The handler makes one system call and returns to the read that failed, which
// then succeeds. Whoever mapped the file unmaps the zeros with it.
#include "collector/sigbus.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	uintptr_t page =
		(uintptr_t)info->si_addr & ~(uintptr_t)(PAGE_BYTES - 1);
	int saved = errno;

	(void)context;
	// Anything else, broken memory for one, ends the process as ever.
	if (info->si_code != BUS_ADRERR ||
	    mmap((void *)page, PAGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		(void)signal(number, SIG_DFL);
	errno = saved;
}

int sigbus_init(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus,
				   .sa_flags = SA_SIGINFO | SA_RESTART};

	return sigaction(SIGBUS, &action, NULL) ? -errno : 0;
}
