// SPDX-License-Identifier: Apache-2.0
//
// Naive: a page of state for each thread, which a destructor of its own gives
// back, though the destructors of others, which call it again, may come later.
#include "test/hook/naive/naive.h"

#include <pthread.h>
#include <sys/mman.h>

enum { STATE_BYTES = 4096 };

static pthread_key_t key;
static int is_started;
static NAIVE_TLS volatile unsigned *state;

static void give_back(void *p)
{
	munmap(p, STATE_BYTES);
}

void *malloc(size_t n)
{
	if (!state && is_started) {
		state = mmap(NULL, STATE_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pthread_setspecific(key, (void *)state);
	}
	if (state)
		(*state)++;
	return __libc_malloc(n);
}

__attribute__((constructor)) static void start(void)
{
	pthread_key_create(&key, give_back);
	is_started = 1;
}
