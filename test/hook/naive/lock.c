// SPDX-License-Identifier: Apache-2.0
//
// Naive: one lock around an event buffer in malloc and free, and no thought of
// fork.
#include "test/hook/naive/naive.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char events[1 << 16];
static unsigned at;
static NAIVE_TLS int is_inside;

static void record(const void *p)
{
	if (is_inside)
		return;
	is_inside = 1;
	pthread_mutex_lock(&lock);
	memcpy(events + (at & 0xff00), &p, sizeof(p));
	for (volatile int i = 0; i < 30; i = i + 1)
		;
	at += 256;
	pthread_mutex_unlock(&lock);
	is_inside = 0;
}

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);

	record(p);
	return p;
}

void free(void *p)
{
	if (p)
		record(p);
	__libc_free(p);
}
