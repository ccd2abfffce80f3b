// SPDX-License-Identifier: Apache-2.0
//
// Naive: lets no thread block SIGURG, which its own ticks could come by.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>
#include <signal.h>

int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	int (*next)(int, const sigset_t *, sigset_t *);
	sigset_t copy;

	*(void **)&next = dlsym(RTLD_NEXT, "pthread_sigmask");
	if (!set || how == SIG_UNBLOCK)
		return next(how, set, old);
	copy = *set;
	sigdelset(&copy, SIGURG);
	return next(how, &copy, old);
}
