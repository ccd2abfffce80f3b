// SPDX-License-Identifier: Apache-2.0
//
// The mutex hooks, and what a condition wait needs of them: it gives its mutex
// back as well. Any thread.
#ifndef CPROF_PRELOAD_HOOK_MUTEX_H
#define CPROF_PRELOAD_HOOK_MUTEX_H

#include <pthread.h>
#include <stdint.h>

// The nanoseconds others have waited for M under the caller, who is about to
// give it back, and is charged with them now. 0 when nobody waits.
uint64_t hook_mutex_charge(const pthread_mutex_t *m);

#endif
