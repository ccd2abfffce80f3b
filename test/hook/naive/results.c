// SPDX-License-Identifier: Apache-2.0
//
// Naive: hooks that time a wait well and answer for it badly: what is neither
// free nor busy is forgotten, an interrupted wait is begun again, a wait by one
// clock is made one by another, and a handler of its own is not hidden.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <threads.h>
#include <time.h>

#define NEXT(name) __typeof__(&(name)) next = dlsym(RTLD_NEXT, #name)

int pthread_mutex_lock(pthread_mutex_t *m)
{
	NEXT(pthread_mutex_lock);

	if (pthread_mutex_trylock(m) == EBUSY)
		next(m);
	return 0;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
	NEXT(pthread_rwlock_rdlock);

	if (pthread_rwlock_tryrdlock(l))
		next(l);
	return 0;
}

int sem_wait(sem_t *s)
{
	NEXT(sem_wait);

	while (next(s) && errno == EINTR)
		continue;
	return 0;
}

int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m,
			   clockid_t clock, const struct timespec *t)
{
	(void)clock;
	return pthread_cond_timedwait(c, m, t);
}

int pthread_barrier_wait(pthread_barrier_t *b)
{
	NEXT(pthread_barrier_wait);

	next(b);
	return 0;
}

int pthread_join(pthread_t thread, void **value)
{
	NEXT(pthread_join);

	(void)value;
	return next(thread, NULL);
}

static void on_tick(int sig)
{
	(void)sig;
}

__attribute__((constructor)) static void start(void)
{
	signal(SIGURG, on_tick);
}
