// SPDX-License-Identifier: Apache-2.0
//
// Every kind of rwlock times every way to take it times every state it can be
// in: free, held by the caller or by another, for reading or for writing, given
// back during the wait, wanted by a writer. The transcript is the same with and
// without a shim.
#include "test/lib/host.h"
#include "test/lib/matrix.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

// All the ways to take an rwlock that end by themselves. WAITS adds those that
// wait for it.
static void try_reading(const char *state, pthread_rwlock_t *l, int waits)
{
	if (waits && !MATRIX_CALL(state, "rdlock", pthread_rwlock_rdlock(l)))
		pthread_rwlock_unlock(l);
	if (!MATRIX_CALL(state, "tryrdlock", pthread_rwlock_tryrdlock(l)))
		pthread_rwlock_unlock(l);
	for (enum matrix_when w = 0; w < MATRIX_WHEN_N; w++) {
		const struct timespec *t = matrix_at(w, CLOCK_REALTIME);

		if (!MATRIX_CALL(state, matrix_when_names[w],
				 pthread_rwlock_timedrdlock(l, t)))
			pthread_rwlock_unlock(l);
		t = matrix_at(w, CLOCK_MONOTONIC);
		if (!MATRIX_CALL(state, matrix_when_names[w],
				 pthread_rwlock_clockrdlock(l, CLOCK_MONOTONIC,
							    t)))
			pthread_rwlock_unlock(l);
	}
	MATRIX_CALL(state, "clockrdlock unknown",
		    pthread_rwlock_clockrdlock(l, MATRIX_BAD_CLOCK,
					       matrix_at(MATRIX_SOON,
							 MATRIX_BAD_CLOCK)));
}

static void try_writing(const char *state, pthread_rwlock_t *l, int waits)
{
	if (waits && !MATRIX_CALL(state, "wrlock", pthread_rwlock_wrlock(l)))
		pthread_rwlock_unlock(l);
	if (!MATRIX_CALL(state, "trywrlock", pthread_rwlock_trywrlock(l)))
		pthread_rwlock_unlock(l);
	for (enum matrix_when w = 0; w < MATRIX_WHEN_N; w++) {
		const struct timespec *t = matrix_at(w, CLOCK_REALTIME);

		if (!MATRIX_CALL(state, matrix_when_names[w],
				 pthread_rwlock_timedwrlock(l, t)))
			pthread_rwlock_unlock(l);
		t = matrix_at(w, CLOCK_MONOTONIC);
		if (!MATRIX_CALL(state, matrix_when_names[w],
				 pthread_rwlock_clockwrlock(l, CLOCK_MONOTONIC,
							    t)))
			pthread_rwlock_unlock(l);
	}
	MATRIX_CALL(state, "clockwrlock unknown",
		    pthread_rwlock_clockwrlock(l, MATRIX_BAD_CLOCK,
					       matrix_at(MATRIX_SOON,
							 MATRIX_BAD_CLOCK)));
}

struct other {
	pthread_rwlock_t *l;
	int (*lock)(pthread_rwlock_t *l);
	pthread_t thread;
	unsigned hold_us; // 0 = until it may go
	atomic_int is_near, has_it, may_go;
};

static void *hold(void *arg)
{
	struct other *o = arg;

	atomic_store(&o->is_near, 1);
	o->lock(o->l);
	atomic_store(&o->has_it, 1);
	usleep(o->hold_us);
	while (!o->hold_us && !atomic_load(&o->may_go))
		usleep(MATRIX_POLL_US);
	pthread_rwlock_unlock(o->l);
	return NULL;
}

static void other_start(struct other *o, atomic_int *until)
{
	matrix_start(&o->thread, hold, o);
	while (!atomic_load(until))
		usleep(MATRIX_POLL_US);
}

static void other_end(struct other *o)
{
	atomic_store(&o->may_go, 1);
	pthread_join(o->thread, NULL);
}

static void while_held(pthread_rwlock_t *l, const char *state,
		       int (*lock)(pthread_rwlock_t *))
{
	struct other o = {.l = l, .lock = lock};
	struct other brief = {.l = l, .lock = lock, .hold_us = MATRIX_HOLD_US};
	int is_reader = lock == pthread_rwlock_rdlock;

	other_start(&o, &o.has_it);
	try_reading(state, l, is_reader);
	try_writing(state, l, 0);
	other_end(&o);
	other_start(&brief, &brief.has_it);
	if (!MATRIX_CALL(state, "wait to read", pthread_rwlock_rdlock(l)))
		pthread_rwlock_unlock(l);
	other_end(&brief);
	brief.has_it = brief.may_go = 0;
	other_start(&brief, &brief.has_it);
	if (!MATRIX_CALL(state, "wait to write", pthread_rwlock_wrlock(l)))
		pthread_rwlock_unlock(l);
	other_end(&brief);
}

// A reader holds it and a writer waits: whether new readers wait as well is
// what the kinds differ in.
static void while_writer_waits(pthread_rwlock_t *l)
{
	struct other reader = {.l = l, .lock = pthread_rwlock_rdlock};
	struct other writer = {.l = l,
			       .lock = pthread_rwlock_wrlock,
			       .hold_us = MATRIX_HOLD_US};

	other_start(&reader, &reader.has_it);
	other_start(&writer, &writer.is_near);
	usleep(10 * MATRIX_HOLD_US);
	try_reading("writer waits", l, 0);
	other_end(&reader);
	other_end(&writer);
}

static void one_rwlock(int kind, int pshared)
{
	pthread_rwlockattr_t attr;
	pthread_rwlock_t l;

	printf("rwlock kind %d shared %d\n", kind, pshared);
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, kind);
	pthread_rwlockattr_setpshared(&attr, pshared);
	pthread_rwlock_init(&l, &attr);
	try_reading("free", &l, 1);
	try_writing("free", &l, 1);
	pthread_rwlock_rdlock(&l);
	try_reading("mine to read", &l, 1);
	MATRIX_CALL("mine to read", "trywrlock", pthread_rwlock_trywrlock(&l));
	pthread_rwlock_unlock(&l);
	pthread_rwlock_wrlock(&l);
	try_reading("mine to write", &l, 1);
	try_writing("mine to write", &l, 1);
	pthread_rwlock_unlock(&l);
	while_held(&l, "held by a reader", pthread_rwlock_rdlock);
	while_held(&l, "held by a writer", pthread_rwlock_wrlock);
	while_writer_waits(&l);
	pthread_rwlock_destroy(&l);
}

int main(void)
{
	for (int kind = 0; kind < 3; kind++)
		for (int pshared = 0; pshared < 2; pshared++)
			one_rwlock(kind, pshared);
	return host_verdict(0, "%u calls", matrix_n_calls);
}
