// SPDX-License-Identifier: Apache-2.0
//
// A short stack of regions and a job that fills it up again.
#include "collector/spare.h"

#include "collector/log.h"

#include <string.h>

static bool is_full(struct spare *s)
{
	bool full;

	pthread_mutex_lock(&s->lock);
	full = s->n == SPARE_MAX;
	pthread_mutex_unlock(&s->lock);
	return full;
}

static void put(struct spare *s, struct region *r)
{
	pthread_mutex_lock(&s->lock);
	if (s->n < SPARE_MAX) {
		s->regions[s->n++] = r;
		r = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	region_free(r);
}

static uint64_t refill(void *context)
{
	struct spare *s = context;

	while (!is_full(s)) {
		struct region *r;
		int err = region_new(&region_default, &r);

		if (err) {
			log_error("no memory for a region: %s", strerror(-err));
			break;
		}
		put(s, r);
	}
	return POOL_NEVER;
}

void spare_init(struct spare *s, struct pool *pool)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->pool = pool;
	pool_job_init(&s->refill_job, refill, s);
	(void)refill(s);
}

void spare_fini(struct spare *s)
{
	while (s->n)
		region_free(s->regions[--s->n]);
	pthread_mutex_destroy(&s->lock);
}

struct region *spare_take(struct spare *s)
{
	struct region *r = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->n)
		r = s->regions[--s->n];
	pthread_mutex_unlock(&s->lock);
	// Without memory for the job the next taker asks again.
	(void)pool_post(s->pool, &s->refill_job, POOL_NOW);
	return r;
}
