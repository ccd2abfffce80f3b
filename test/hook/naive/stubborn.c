// SPDX-License-Identifier: Apache-2.0
//
// Naive: installs its handler again when somebody took its place, and doesn't
// pass on what isn't its own.
#include "test/hook/naive/naive.h"

#include <signal.h>

static volatile sig_atomic_t n_signals;

static void on_signal(int s)
{
	volatile char frames[1024];

	frames[n_signals++ % (int)sizeof(frames)] = (char)s;
}

void *malloc(size_t n)
{
	const struct sigaction action = {.sa_handler = on_signal,
					 .sa_flags = SA_RESTART};
	static unsigned n_calls;

	if (++n_calls % 1024 == 0)
		sigaction(SIGURG, &action, NULL);
	return __libc_malloc(n);
}
