// SPDX-License-Identifier: Apache-2.0
//
// Regions made ahead of time, so that the start of a process costs it one round
// trip and not the allocation of some megabytes. Any thread.
#ifndef CPROF_COLLECTOR_SPARE_H
#define CPROF_COLLECTOR_SPARE_H

#include "collector/pool.h"
#include "collector/region.h"

#include <pthread.h>

#define SPARE_MAX 4u
// New ones are made this long after one was taken.
#define SPARE_REFILL_NS 1000000u

struct spare {
	pthread_mutex_t lock;		   // rank 35
	struct region *regions[SPARE_MAX]; // of the default size
	unsigned n;
	struct region *exact; // of the large size, once one was wanted
	bool wants_exact;
	struct pool *pool; // where new ones are made
	struct pool_job refill_job;
};

// Has POOL make the first ones.
void spare_init(struct spare *s, struct pool *pool);
// After the pool has ended.
void spare_fini(struct spare *s);

// A region of SIZE that was ready, or NULL.
struct region *spare_take(struct spare *s, const struct region_size *size);

// Gives back a region nobody has mapped.
void spare_put(struct spare *s, struct region *r);

// No process is there: gives up the large one.
void spare_trim(struct spare *s);

#endif
