// SPDX-License-Identifier: Apache-2.0
//
// Everything that waits but mutexes (lock_matrix has those): rwlocks of every
// kind, conditions, semaphores, barriers and joins, in each state and with
// good, past, bad and unknown times; interrupted, and cancelled. Prints what
// each call answers, and errno when it changed: the transcript is the same with
// and without a shim.
#include "test/lib/host.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#define SOON_NS	    2000000
#define POLL_US	    100
#define HOLD_US	    3000
#define ERRNO_KEPT  1234
#define BAD_CLOCK   CLOCK_PROCESS_CPUTIME_ID
#define N(a)	    (sizeof(a) / sizeof(*(a)))
#define NANOSECONDS 1000000000

static unsigned n_calls;

static const char *name_of(int error)
{
	return error == -1				? "-1"
	       : error == PTHREAD_BARRIER_SERIAL_THREAD ? "serial"
	       : error					? strerrorname_np(error)
							: "0";
}

static int report(const char *state, const char *name, int result)
{
	printf("  %s: %s: %s", state, name, name_of(result));
	if (errno != ERRNO_KEPT)
		printf(" errno %s", name_of(errno));
	putchar('\n');
	n_calls++;
	return result;
}

// CALL with errno watched.
#define CALL(state, name, call) \
	report((state), (name), (errno = ERRNO_KEPT, (call)))

// The times a timed call is tried with.
enum when { SOON, PAST, BAD, NEGATIVE, WHEN_N };

static const char *const when_names[WHEN_N] = {"soon", "past", "bad",
					       "negative"};

static const struct timespec *at(enum when when, clockid_t clock)
{
	static _Thread_local struct timespec t;

	t = (struct timespec){1, 0};
	if (when == BAD)
		t.tv_nsec = NANOSECONDS;
	else if (when == NEGATIVE)
		t.tv_sec = -1;
	if (when != SOON)
		return &t;
	clock_gettime(clock, &t);
	t.tv_nsec += SOON_NS;
	t.tv_sec += t.tv_nsec / NANOSECONDS;
	t.tv_nsec %= NANOSECONDS;
	return &t;
}

static void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	if (pthread_create(thread, NULL, run, arg))
		abort();
}

// All the ways to take an rwlock that end by themselves. WAITS adds those that
// wait for it.
static void try_reading(const char *state, pthread_rwlock_t *l, int waits)
{
	if (waits && !CALL(state, "rdlock", pthread_rwlock_rdlock(l)))
		pthread_rwlock_unlock(l);
	if (!CALL(state, "tryrdlock", pthread_rwlock_tryrdlock(l)))
		pthread_rwlock_unlock(l);
	for (enum when w = 0; w < WHEN_N; w++) {
		const struct timespec *t = at(w, CLOCK_REALTIME);

		if (!CALL(state, when_names[w],
			  pthread_rwlock_timedrdlock(l, t)))
			pthread_rwlock_unlock(l);
		t = at(w, CLOCK_MONOTONIC);
		if (!CALL(state, when_names[w],
			  pthread_rwlock_clockrdlock(l, CLOCK_MONOTONIC, t)))
			pthread_rwlock_unlock(l);
	}
	CALL(state, "clockrdlock unknown",
	     pthread_rwlock_clockrdlock(l, BAD_CLOCK, at(SOON, BAD_CLOCK)));
}

static void try_writing(const char *state, pthread_rwlock_t *l, int waits)
{
	if (waits && !CALL(state, "wrlock", pthread_rwlock_wrlock(l)))
		pthread_rwlock_unlock(l);
	if (!CALL(state, "trywrlock", pthread_rwlock_trywrlock(l)))
		pthread_rwlock_unlock(l);
	for (enum when w = 0; w < WHEN_N; w++) {
		const struct timespec *t = at(w, CLOCK_REALTIME);

		if (!CALL(state, when_names[w],
			  pthread_rwlock_timedwrlock(l, t)))
			pthread_rwlock_unlock(l);
		t = at(w, CLOCK_MONOTONIC);
		if (!CALL(state, when_names[w],
			  pthread_rwlock_clockwrlock(l, CLOCK_MONOTONIC, t)))
			pthread_rwlock_unlock(l);
	}
	CALL(state, "clockwrlock unknown",
	     pthread_rwlock_clockwrlock(l, BAD_CLOCK, at(SOON, BAD_CLOCK)));
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
		usleep(POLL_US);
	pthread_rwlock_unlock(o->l);
	return NULL;
}

static void other_start(struct other *o, atomic_int *until)
{
	start(&o->thread, hold, o);
	while (!atomic_load(until))
		usleep(POLL_US);
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
	struct other brief = {.l = l, .lock = lock, .hold_us = HOLD_US};
	int is_reader = lock == pthread_rwlock_rdlock;

	other_start(&o, &o.has_it);
	try_reading(state, l, is_reader);
	try_writing(state, l, 0);
	other_end(&o);
	other_start(&brief, &brief.has_it);
	if (!CALL(state, "wait to read", pthread_rwlock_rdlock(l)))
		pthread_rwlock_unlock(l);
	other_end(&brief);
	brief.has_it = brief.may_go = 0;
	other_start(&brief, &brief.has_it);
	if (!CALL(state, "wait to write", pthread_rwlock_wrlock(l)))
		pthread_rwlock_unlock(l);
	other_end(&brief);
}

// A reader holds it and a writer waits: whether new readers wait as well is
// what the kinds differ in.
static void while_writer_waits(pthread_rwlock_t *l)
{
	struct other reader = {.l = l, .lock = pthread_rwlock_rdlock};
	struct other writer = {
		.l = l, .lock = pthread_rwlock_wrlock, .hold_us = HOLD_US};

	other_start(&reader, &reader.has_it);
	other_start(&writer, &writer.is_near);
	usleep(10 * HOLD_US);
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
	CALL("mine to read", "trywrlock", pthread_rwlock_trywrlock(&l));
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

static sem_t sem;

static void *post_later(void *arg)
{
	usleep(HOLD_US);
	sem_post(arg);
	return NULL;
}

static void try_sem(const char *state, int value)
{
	for (enum when w = 0; w < WHEN_N; w++) {
		sem_init(&sem, 0, (unsigned)value);
		CALL(state, when_names[w],
		     sem_timedwait(&sem, at(w, CLOCK_REALTIME)));
		sem_init(&sem, 0, (unsigned)value);
		CALL(state, when_names[w],
		     sem_clockwait(&sem, CLOCK_MONOTONIC,
				   at(w, CLOCK_MONOTONIC)));
	}
	CALL(state, "unknown",
	     sem_clockwait(&sem, BAD_CLOCK, at(SOON, BAD_CLOCK)));
}

static void on_signal(int sig)
{
	(void)sig;
}

static void *wait_open(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while (!atomic_load((atomic_int *)arg))
		usleep(POLL_US);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	sem_wait(&sem);
	return NULL;
}

static void all_sem(void)
{
	const struct sigaction act = {.sa_handler = on_signal};
	atomic_int is_cancelled = 0;
	pthread_t thread;
	void *value = NULL;
	int left = -1;

	puts("semaphore");
	try_sem("open", 1);
	try_sem("closed", 0);
	sem_init(&sem, 0, 1);
	CALL("open", "sem_wait", sem_wait(&sem));
	start(&thread, post_later, &sem);
	CALL("posted later", "sem_wait", sem_wait(&sem));
	pthread_join(thread, NULL);
	sigaction(SIGALRM, &act, NULL);
	ualarm(HOLD_US, 0);
	CALL("interrupted", "sem_wait", sem_wait(&sem));
	// A cancellation point even when it need not wait.
	sem_init(&sem, 0, 1);
	start(&thread, wait_open, &is_cancelled);
	pthread_cancel(thread);
	atomic_store(&is_cancelled, 1);
	pthread_join(thread, &value);
	sem_getvalue(&sem, &left);
	printf("  cancelled when open: %d, value left %d\n",
	       value == PTHREAD_CANCELED, left);
}

static pthread_cond_t cond;
static pthread_mutex_t mutex;

static void *signal_later(void *arg)
{
	usleep(HOLD_US);
	pthread_mutex_lock(&mutex);
	atomic_store((atomic_int *)arg, 1);
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *wait_for_ever(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &mutex);
	atomic_store((atomic_int *)arg, 1);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
	return NULL;
}

static void cond_signalled(void)
{
	atomic_int is_done = 0;
	pthread_t thread;

	start(&thread, signal_later, &is_done);
	pthread_mutex_lock(&mutex);
	while (!atomic_load(&is_done))
		pthread_cond_wait(&cond, &mutex);
	CALL("signalled", "unlock", pthread_mutex_unlock(&mutex));
	pthread_join(thread, NULL);
}

static void cond_cancelled(void)
{
	atomic_int is_waiting = 0;
	void *value = NULL;
	pthread_t thread;

	start(&thread, wait_for_ever, &is_waiting);
	while (!atomic_load(&is_waiting))
		usleep(POLL_US);
	pthread_mutex_lock(&mutex);
	pthread_cancel(thread);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, &value);
	printf("  cancelled: %d\n", value == PTHREAD_CANCELED);
	CALL("cancelled", "trylock", pthread_mutex_trylock(&mutex));
	CALL("cancelled", "unlock", pthread_mutex_unlock(&mutex));
}

static void one_cond(int type, clockid_t clock)
{
	pthread_mutexattr_t mutex_attr;
	pthread_condattr_t attr;

	printf("condition, mutex type %d, clock %d\n", type, clock);
	pthread_mutexattr_init(&mutex_attr);
	pthread_mutexattr_settype(&mutex_attr, type);
	pthread_mutex_init(&mutex, &mutex_attr);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, clock);
	pthread_cond_init(&cond, &attr);
	if (type == PTHREAD_MUTEX_ERRORCHECK)
		CALL("not mine", "cond_wait", pthread_cond_wait(&cond, &mutex));
	pthread_mutex_lock(&mutex);
	for (enum when w = 0; w < WHEN_N; w++) {
		CALL("timedwait", when_names[w],
		     pthread_cond_timedwait(&cond, &mutex, at(w, clock)));
		CALL("clockwait", when_names[w],
		     pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC,
					    at(w, CLOCK_MONOTONIC)));
	}
	CALL("clockwait", "unknown",
	     pthread_cond_clockwait(&cond, &mutex, BAD_CLOCK,
				    at(SOON, BAD_CLOCK)));
	pthread_mutex_unlock(&mutex);
	cond_signalled();
	cond_cancelled();
}

static void *meet(void *arg)
{
	return (void *)(long)(pthread_barrier_wait(arg) ==
			      PTHREAD_BARRIER_SERIAL_THREAD);
}

static void one_barrier(unsigned count, int pshared)
{
	pthread_barrierattr_t attr;
	pthread_barrier_t barrier;
	pthread_t threads[4];
	long n_serial = 0;

	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, pshared);
	pthread_barrier_init(&barrier, &attr, count);
	for (unsigned i = 0; i < count; i++)
		start(&threads[i], meet, &barrier);
	for (unsigned i = 0; i < count; i++) {
		void *value;

		pthread_join(threads[i], &value);
		n_serial += (long)value;
	}
	printf("barrier of %u, shared %d: %ld serial\n", count, pshared,
	       n_serial);
}

static void *until_told(void *arg)
{
	while (!atomic_load((atomic_int *)arg))
		usleep(POLL_US);
	return arg;
}

static void all_joins(void)
{
	atomic_int may_end = 0;
	void *value = NULL;
	pthread_t thread;

	puts("join");
	start(&thread, until_told, &may_end);
	CALL("self", "join", pthread_join(pthread_self(), NULL));
	for (enum when w = 0; w < WHEN_N; w++) {
		CALL("timedjoin", when_names[w],
		     pthread_timedjoin_np(thread, &value,
					  at(w, CLOCK_REALTIME)));
		CALL("clockjoin", when_names[w],
		     pthread_clockjoin_np(thread, &value, CLOCK_MONOTONIC,
					  at(w, CLOCK_MONOTONIC)));
	}
	CALL("clockjoin", "unknown",
	     pthread_clockjoin_np(thread, &value, BAD_CLOCK,
				  at(SOON, BAD_CLOCK)));
	atomic_store(&may_end, 1);
	CALL("running", "join", pthread_join(thread, &value));
	printf("  its value: %d\n", value == &may_end);
	start(&thread, until_told, &may_end);
	pthread_detach(thread);
	start(&thread, until_told, &may_end);
	usleep(HOLD_US);
	CALL("ended", "timedjoin",
	     pthread_timedjoin_np(thread, &value, at(SOON, CLOCK_REALTIME)));
}

static int c11_result(void *arg)
{
	usleep(HOLD_US);
	return *(int *)arg;
}

static void all_c11(void)
{
	int result = 0, seven = 7;
	thrd_t thread;
	cnd_t c;
	mtx_t m;

	puts("c11");
	thrd_create(&thread, c11_result, &seven);
	CALL("running", "thrd_join", thrd_join(thread, &result));
	printf("  result %d\n", result);
	mtx_init(&m, mtx_plain);
	cnd_init(&c);
	mtx_lock(&m);
	for (enum when w = 0; w < WHEN_N; w++)
		CALL("cnd_timedwait", when_names[w],
		     cnd_timedwait(&c, &m, at(w, CLOCK_REALTIME)));
	mtx_unlock(&m);
}

int main(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};

	for (int kind = 0; kind < 3; kind++)
		for (int pshared = 0; pshared < 2; pshared++)
			one_rwlock(kind, pshared);
	all_sem();
	for (int type = 0; type < 4; type++)
		for (unsigned i = 0; i < N(clocks); i++)
			one_cond(type, clocks[i]);
	for (unsigned count = 1; count <= 4; count++)
		for (int pshared = 0; pshared < 2; pshared++)
			one_barrier(count, pshared);
	all_joins();
	all_c11();
	return host_verdict(0, "%u calls", n_calls);
}
