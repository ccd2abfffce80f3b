// SPDX-License-Identifier: Apache-2.0
//
// Uses pthread_cond_* of version GLIBC_2.2.5, whose condition variable is one
// pointer, as old binaries do. Good: the wake-up arrives and the words behind
// the condition variable stay intact.
#include "test/lib/host.h"

#include <pthread.h>
#include <unistd.h>

#define OLD(f) __asm__(".symver " #f "," #f "@GLIBC_2.2.5")
OLD(pthread_cond_wait);
OLD(pthread_cond_signal);

enum { N_GUARDS = 7 };
#define GUARD 0x5a5a5a5a5a5a5a5aL

static struct {
	long cond;
	long guards[N_GUARDS];
} object;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_set;

static pthread_cond_t *old_cond(void)
{
	return (pthread_cond_t *)(void *)&object.cond;
}

static void *set(void *arg)
{
	pthread_mutex_lock(&lock);
	is_set = 1;
	pthread_cond_signal(old_cond());
	pthread_mutex_unlock(&lock);
	return arg;
}

int main(void)
{
	pthread_t thread;
	int n_changed = 0;

	for (int i = 0; i < N_GUARDS; i++)
		object.guards[i] = GUARD;
	alarm(5);
	pthread_mutex_lock(&lock);
	pthread_create(&thread, NULL, set, NULL);
	while (!is_set)
		pthread_cond_wait(old_cond(), &lock);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	for (int i = 0; i < N_GUARDS; i++)
		n_changed += object.guards[i] != GUARD;
	return host_verdict(n_changed, "changed_words=%d", n_changed);
}
