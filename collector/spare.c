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

static bool is_default(const struct region_size *size)
{
	return !memcmp(size, &region_default, sizeof(*size));
}

void spare_put(struct spare *s, struct region *r)
{
	struct region *unwanted = r;

	pthread_mutex_lock(&s->lock);
	if (!is_default(&r->size)) {
		unwanted = s->other;
		s->other = r;
	} else if (s->n < SPARE_MAX) {
		unwanted = NULL;
		s->regions[s->n++] = r;
	}
	pthread_mutex_unlock(&s->lock);
	region_free(unwanted);
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
		spare_put(s, r);
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
	region_free(s->other);
	while (s->n)
		region_free(s->regions[--s->n]);
	pthread_mutex_destroy(&s->lock);
}

static struct region *take_default(struct spare *s)
{
	// Without memory for the job the next taker asks again.
	(void)pool_post(s->pool, &s->refill_job, POOL_NOW);
	return s->n ? s->regions[--s->n] : NULL;
}

struct region *spare_take(struct spare *s, const struct region_size *size)
{
	struct region *r = NULL;

	pthread_mutex_lock(&s->lock);
	if (is_default(size)) {
		r = take_default(s);
	} else if (s->other && !memcmp(&s->other->size, size, sizeof(*size))) {
		r = s->other;
		s->other = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}
