// SPDX-License-Identifier: Apache-2.0
//
// A short stack of regions and a job that fills it up again. A large region
// takes tens of milliseconds to make and is 64 MiB, so one is kept only while
// processes ask for such.
#include "collector/spare.h"

#include "collector/log.h"

#include <string.h>

// Between two regions that nobody waits for.
#define PAUSE_NS 3000000u

static bool is_size(const struct region_size *a, const struct region_size *b)
{
	return !memcmp(a, b, sizeof(*a));
}

// What is missing, or NULL.
static const struct region_size *next_size(struct spare *s)
{
	const struct region_size *size = NULL;

	pthread_mutex_lock(&s->lock);
	if (s->n < SPARE_MAX)
		size = &region_default;
	else if (s->wants_exact && !s->exact)
		size = &region_exact;
	pthread_mutex_unlock(&s->lock);
	return size;
}

void spare_put(struct spare *s, struct region *r)
{
	pthread_mutex_lock(&s->lock);
	if (is_size(&r->size, &region_default) && s->n < SPARE_MAX) {
		s->regions[s->n++] = r;
		r = NULL;
	} else if (is_size(&r->size, &region_exact) && !s->exact) {
		s->exact = r;
		r = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	region_free(r);
}

// Makes one region at a time, so that who waits for one need not wait for all.
static uint64_t refill(void *context)
{
	struct spare *s = context;
	const struct region_size *size = next_size(s);
	struct region *r;
	int err = size ? region_new(size, &r) : 0;

	if (err)
		log_error("no memory for a region: %s", strerror(-err));
	if (err || !size)
		return POOL_NEVER;
	spare_put(s, r);
	// Whoever has just come needs the CPUs more; a taker asks sooner.
	return pool_now_ns() + PAUSE_NS;
}

void spare_init(struct spare *s, struct pool *pool)
{
	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->pool = pool;
	pool_job_init(&s->refill_job, refill, s);
	// Not here: the first process may be waiting for the loop. Without
	// memory for this the first taker asks again.
	(void)pool_post(s->pool, &s->refill_job, POOL_NOW);
}

void spare_fini(struct spare *s)
{
	region_free(s->exact);
	while (s->n)
		region_free(s->regions[--s->n]);
	pthread_mutex_destroy(&s->lock);
}

void spare_trim(struct spare *s)
{
	struct region *r;

	pthread_mutex_lock(&s->lock);
	r = s->exact;
	s->exact = NULL;
	s->wants_exact = false;
	pthread_mutex_unlock(&s->lock);
	region_free(r);
}

// Needs the lock.
static struct region *take(struct spare *s, const struct region_size *size)
{
	struct region *r = NULL;

	if (is_size(size, &region_default))
		return s->n ? s->regions[--s->n] : NULL;
	if (is_size(size, &region_exact)) {
		r = s->exact;
		s->exact = NULL;
		s->wants_exact = true;
	}
	return r;
}

struct region *spare_take(struct spare *s, const struct region_size *size)
{
	struct region *r;

	pthread_mutex_lock(&s->lock);
	r = take(s, size);
	pthread_mutex_unlock(&s->lock);
	// Behind the taker's own job, if it has one. Without memory for this
	// the next taker asks again.
	(void)pool_post(s->pool, &s->refill_job,
			pool_now_ns() + SPARE_REFILL_NS);
	return r;
}
