// SPDX-License-Identifier: Apache-2.0
//
// Results are numbered. Who waits for number N either finds it done, or leads
// to it when nobody else does.
#include "collector/share.h"

#include "collector/pool.h"

#include <errno.h>
#include <time.h>

// Of one CPU, a 50th; but nobody waits longer than a second for his turn, and
// some time it takes to read what is sent.
#define PAUSE_FACTOR 49u
#define PAUSE_MIN_NS 200000000u
#define PAUSE_MAX_NS 1000000000u
// What it costs to send a result to one of those who asked.
#define SEND_NS 50000u
// How soon it is noticed that somebody has gone: with a hundred that wait, to
// look more often costs more than what they wait for.
#define STEP_NS 250000000u

void share_init(struct share *s)
{
	pthread_condattr_t clock;

	*s = (struct share){0};
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &clock);
	pthread_condattr_destroy(&clock);
	buf_init(&s->result);
}

void share_fini(struct share *s)
{
	buf_fini(&s->result);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

static uint64_t spent_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// How long after one that cost so much CPU time.
static uint64_t pause_ns(uint64_t cost_ns)
{
	if (cost_ns > PAUSE_MAX_NS / PAUSE_FACTOR)
		return PAUSE_MAX_NS;
	return PAUSE_FACTOR * cost_ns > PAUSE_MIN_NS ? PAUSE_FACTOR * cost_ns
						     : PAUSE_MIN_NS;
}

// Until something changes, UNTIL_NS, or a moment has passed. Needs the lock.
static void wait_until(struct share *s, uint64_t until_ns)
{
	uint64_t step_ns = pool_now_ns() + STEP_NS;
	struct timespec t;

	if (until_ns > step_ns)
		until_ns = step_ns;
	t.tv_sec = (time_t)(until_ns / 1000000000u);
	t.tv_nsec = (long)(until_ns % 1000000000u);
	pthread_cond_timedwait(&s->changed, &s->lock, &t);
}

// Makes the next result. Needs the lock, which it gives up meanwhile.
static void make_next(struct share *s, const struct share_work *work)
{
	uint64_t began_ns, cost_ns;
	struct buf result;
	int err;

	s->n_begun++;
	pthread_mutex_unlock(&s->lock);
	buf_init(&result);
	began_ns = spent_ns();
	err = work->make(work->context, &result);
	cost_ns = spent_ns() - began_ns;
	pthread_mutex_lock(&s->lock);
	buf_fini(&s->result);
	s->result = result;
	s->err = err;
	s->n_done++;
	cost_ns += (uint64_t)s->n_askers * SEND_NS;
	s->not_before_ns = pool_now_ns() + pause_ns(cost_ns);
}

// Waits for its turn and makes a result. -EPIPE: it was abandoned before, and
// somebody else may lead. Needs the lock.
static int lead(struct share *s, const struct share_work *work)
{
	int err = 0;

	s->has_leader = true;
	while (!err && pool_now_ns() < s->not_before_ns) {
		wait_until(s, s->not_before_ns);
		if (work->is_abandoned(work->context))
			err = -EPIPE;
	}
	if (!err)
		make_next(s, work);
	s->has_leader = false;
	pthread_cond_broadcast(&s->changed);
	return err;
}

int share_get(struct share *s, const struct share_work *work, struct buf *ret)
{
	uint64_t wanted;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	s->n_askers++;
	wanted = s->n_begun + 1;
	while (!err && s->n_done < wanted) {
		if (!s->has_leader)
			err = lead(s, work);
		else
			wait_until(s, UINT64_MAX);
		if (!err && s->n_done < wanted &&
		    work->is_abandoned(work->context))
			err = -EPIPE;
	}
	if (!err)
		err = s->err;
	if (!err)
		buf_put(ret, s->result.data, s->result.n_bytes);
	if (!--s->n_askers)
		buf_fini(&s->result);
	pthread_mutex_unlock(&s->lock);
	return err ? err : buf_error(ret);
}
