// SPDX-License-Identifier: Apache-2.0
//
// Every kind of mutex (type, robustness, protocol, sharing; and C11's) times
// every way to take it times every state it can be in: free, held by the
// caller, held by another thread, given back during the wait, its owner dead,
// dead during the wait, not recoverable. Prints what each call answers, and
// errno when it changed: the transcript is the same with and without a shim.
#include "test/lib/host.h"
#include "test/lib/matrix.h"

#include <pthread.h>
#include <stdatomic.h>
#include <threads.h>
#include <unistd.h>

static int timed_soon(pthread_mutex_t *m)
{
	return pthread_mutex_timedlock(m,
				       matrix_at(MATRIX_SOON, CLOCK_REALTIME));
}

static int timed_past(pthread_mutex_t *m)
{
	return pthread_mutex_timedlock(m,
				       matrix_at(MATRIX_PAST, CLOCK_REALTIME));
}

static int timed_bad(pthread_mutex_t *m)
{
	return pthread_mutex_timedlock(m,
				       matrix_at(MATRIX_BAD, CLOCK_REALTIME));
}

static int clock_at(pthread_mutex_t *m, enum matrix_when when)
{
	return pthread_mutex_clocklock(m, CLOCK_MONOTONIC,
				       matrix_at(when, CLOCK_MONOTONIC));
}

static int clock_soon(pthread_mutex_t *m)
{
	return clock_at(m, MATRIX_SOON);
}

static int clock_past(pthread_mutex_t *m)
{
	return clock_at(m, MATRIX_PAST);
}

static int clock_bad(pthread_mutex_t *m)
{
	return clock_at(m, MATRIX_BAD);
}

static int clock_unknown(pthread_mutex_t *m)
{
	return pthread_mutex_clocklock(m, MATRIX_BAD_CLOCK,
				       matrix_at(MATRIX_SOON, CLOCK_MONOTONIC));
}

struct way {
	const char *name;
	int (*lock)(pthread_mutex_t *m);
	int is_patient; // waits until it has the mutex, or nearly so
};

static const struct way ways[] = {
	{"lock", pthread_mutex_lock, 1},
	{"trylock", pthread_mutex_trylock, 0},
	{"timedlock soon", timed_soon, 0},
	{"timedlock past", timed_past, 0},
	{"timedlock bad", timed_bad, 0},
	{"clocklock soon", clock_soon, 0},
	{"clocklock past", clock_past, 0},
	{"clocklock bad", clock_bad, 0},
	{"clocklock unknown", clock_unknown, 0},
};
static const struct way *const lock = &ways[0];
static const struct way *const trylock = &ways[1];
static const struct way unlock = {"unlock", pthread_mutex_unlock, 0};
static const struct way consistent = {"consistent", pthread_mutex_consistent,
				      0};

static int call(const char *state, const struct way *way, pthread_mutex_t *m)
{
	return MATRIX_CALL(state, way->name, way->lock(m));
}

static int has_it(int error)
{
	return error == 0 || error == EOWNERDEAD;
}

// A thread that takes the mutex and gives it back, or ends with it.
struct holder {
	pthread_mutex_t *m;
	pthread_t thread;
	atomic_int is_holding, may_go;
	unsigned hold_us; // 0 = until it may go
	int dies;
};

static void *hold(void *arg)
{
	struct holder *h = arg;

	pthread_mutex_lock(h->m);
	atomic_store(&h->is_holding, 1);
	if (h->hold_us)
		usleep(h->hold_us);
	else
		while (!atomic_load(&h->may_go))
			usleep(MATRIX_POLL_US);
	if (!h->dies)
		pthread_mutex_unlock(h->m);
	return NULL;
}

static void holder_start(struct holder *h)
{
	matrix_start(&h->thread, hold, h);
	while (!atomic_load(&h->is_holding))
		usleep(MATRIX_POLL_US);
}

static void holder_end(struct holder *h)
{
	atomic_store(&h->may_go, 1);
	pthread_join(h->thread, NULL);
}

static void while_free(pthread_mutex_t *m)
{
	for (unsigned i = 0; i < MATRIX_N(ways); i++)
		if (has_it(call("free", &ways[i], m)))
			call("free", &unlock, m);
}

// Locking it again, as far as that is defined and ends.
static void while_mine(pthread_mutex_t *m, int type)
{
	int is_checked = type == PTHREAD_MUTEX_RECURSIVE ||
			 type == PTHREAD_MUTEX_ERRORCHECK;

	if (call("mine", lock, m))
		return;
	for (unsigned i = is_checked ? 0 : 1; i < MATRIX_N(ways); i++)
		if (has_it(call("mine", &ways[i], m)))
			call("mine", &unlock, m);
	call("mine", &unlock, m);
	if (is_checked)
		call("not mine", &unlock, m);
}

static void while_held(pthread_mutex_t *m, int type, int is_robust)
{
	struct holder h = {.m = m};

	holder_start(&h);
	for (unsigned i = 0; i < MATRIX_N(ways); i++)
		if (!ways[i].is_patient)
			call("held", &ways[i], m);
	if (is_robust || type == PTHREAD_MUTEX_RECURSIVE ||
	    type == PTHREAD_MUTEX_ERRORCHECK)
		call("held", &unlock, m);
	holder_end(&h);
}

static void while_given_back(pthread_mutex_t *m)
{
	struct holder h = {.m = m, .hold_us = MATRIX_HOLD_US};

	holder_start(&h);
	if (has_it(call("given back", lock, m)))
		call("given back", &unlock, m);
	holder_end(&h);
}

static void when_dead(pthread_mutex_t *m, const struct way *way)
{
	struct holder h = {.m = m, .dies = 1};

	holder_start(&h);
	holder_end(&h);
	if (!has_it(call("dead", way, m)))
		call("dead", lock, m);
	if (has_it(call("dead", trylock, m)))
		call("dead", &unlock, m);
	call("dead", &consistent, m);
	call("dead", &unlock, m);
}

static void while_dying(pthread_mutex_t *m)
{
	struct holder h = {.m = m, .hold_us = MATRIX_HOLD_US, .dies = 1};

	holder_start(&h);
	call("dying", lock, m);
	call("dying", &unlock, m); // without pthread_mutex_consistent
	holder_end(&h);
	for (unsigned i = 0; i < MATRIX_N(ways); i++)
		call("not recoverable", &ways[i], m);
}

static void all_states(pthread_mutex_t *m, int type, int is_robust)
{
	while_free(m);
	while_mine(m, type);
	// A ceiling may need a right to real-time priorities.
	if (pthread_mutex_lock(m))
		return;
	pthread_mutex_unlock(m);
	while_held(m, type, is_robust);
	while_given_back(m);
	if (!is_robust)
		return;
	for (unsigned i = 0; i < MATRIX_N(ways); i++)
		when_dead(m, &ways[i]);
	while_dying(m);
}

static const struct choice {
	const char *name;
	int value;
} types[] = {{"normal", PTHREAD_MUTEX_NORMAL},
	     {"recursive", PTHREAD_MUTEX_RECURSIVE},
	     {"errorcheck", PTHREAD_MUTEX_ERRORCHECK},
	     {"adaptive", PTHREAD_MUTEX_ADAPTIVE_NP}},
  robusts[] = {{"", PTHREAD_MUTEX_STALLED}, {" robust", PTHREAD_MUTEX_ROBUST}},
  protocols[] = {{"", PTHREAD_PRIO_NONE},
		 {" inherit", PTHREAD_PRIO_INHERIT},
		 {" protect", PTHREAD_PRIO_PROTECT}},
  shareds[] = {{"", PTHREAD_PROCESS_PRIVATE},
	       {" shared", PTHREAD_PROCESS_SHARED}};

#define N_KINDS                                                      \
	(MATRIX_N(types) * MATRIX_N(robusts) * MATRIX_N(protocols) * \
	 MATRIX_N(shareds))

static void one_kind(unsigned i)
{
	const struct choice *type = &types[i % MATRIX_N(types)];
	const struct choice *robust =
		&robusts[i / MATRIX_N(types) % MATRIX_N(robusts)];
	const struct choice *protocol =
		&protocols[i / MATRIX_N(types) / MATRIX_N(robusts) %
			   MATRIX_N(protocols)];
	const struct choice *shared =
		&shareds[i / (N_KINDS / MATRIX_N(shareds))];
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	int error;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type->value);
	pthread_mutexattr_setrobust(&attr, robust->value);
	pthread_mutexattr_setprotocol(&attr, protocol->value);
	pthread_mutexattr_setpshared(&attr, shared->value);
	error = pthread_mutex_init(&m, &attr);
	printf("%s%s%s%s: init %s\n", type->name, robust->name, protocol->name,
	       shared->name, matrix_name(error));
	if (!error)
		all_states(&m, type->value,
			   robust->value == PTHREAD_MUTEX_ROBUST);
}

static int c11_hold(void *arg)
{
	const struct timespec *t = matrix_at(MATRIX_SOON, CLOCK_REALTIME);
	int error = mtx_timedlock(arg, t);

	printf("  held: mtx_timedlock soon: %d\n", error);
	printf("  held: mtx_trylock: %d\n", mtx_trylock(arg));
	return 7;
}

static int c11_wait(void *arg)
{
	int error = mtx_lock(arg);

	return error * 10 + mtx_unlock(arg);
}

static void one_c11(int type)
{
	const struct timespec *t = matrix_at(MATRIX_SOON, CLOCK_REALTIME);
	int result = 0;
	thrd_t thread;
	mtx_t m;

	printf("c11 type %d: init %d\n", type, mtx_init(&m, type));
	printf("  free: mtx_lock: %d\n", mtx_lock(&m));
	if (type & mtx_recursive) {
		printf("  mine: mtx_lock: %d\n", mtx_lock(&m));
		printf("  mine: mtx_timedlock: %d\n", mtx_timedlock(&m, t));
		printf("  mine: mtx_unlock: %d\n", mtx_unlock(&m));
		printf("  mine: mtx_unlock: %d\n", mtx_unlock(&m));
	}
	thrd_create(&thread, c11_hold, &m);
	printf("  thrd_join: %d\n", thrd_join(thread, &result));
	printf("  result %d\n", result);
	thrd_create(&thread, c11_wait, &m);
	usleep(MATRIX_HOLD_US);
	printf("  mine: mtx_unlock: %d\n", mtx_unlock(&m));
	thrd_join(thread, &result);
	printf("  given back: mtx_lock, mtx_unlock: %d\n", result);
	printf("  free: mtx_timedlock past, bad: %d",
	       mtx_timedlock(&m, matrix_at(MATRIX_PAST, CLOCK_REALTIME)));
	mtx_unlock(&m);
	printf(" %d\n",
	       mtx_timedlock(&m, matrix_at(MATRIX_BAD, CLOCK_REALTIME)));
}

int main(void)
{
	for (unsigned i = 0; i < N_KINDS; i++)
		one_kind(i);
	one_c11(mtx_plain);
	one_c11(mtx_timed);
	one_c11(mtx_timed | mtx_recursive);
	return host_verdict(0, "%u calls", matrix_n_calls);
}
