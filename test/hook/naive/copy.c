// SPDX-License-Identifier: Apache-2.0
//
// Naive: copies the stack by memcpy in every lock; a sanitizer's runtime has a
// memcpy of its own and knows what nobody may read there.
#include "test/hook/naive/naive.h"

#include <dlfcn.h>
#include <pthread.h>

enum { COPY_BYTES = 512 };

static NAIVE_TLS char copied[COPY_BYTES];

int pthread_mutex_lock(pthread_mutex_t *m)
{
	static int (*next)(pthread_mutex_t *);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "pthread_mutex_lock");
	memcpy(copied, __builtin_frame_address(0), COPY_BYTES);
	return next(m);
}
