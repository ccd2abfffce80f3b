// SPDX-License-Identifier: Apache-2.0
//
// Conditions, semaphores, barriers and joins, pthread's and C11's, in each
// state and with good, past, bad and unknown times; interrupted, and cancelled.
// The transcript is the same with and without a shim.
#include "test/lib/host.h"
#include "test/lib/matrix.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <threads.h>
#include <unistd.h>

static sem_t sem;

static void *post_later(void *arg)
{
	usleep(MATRIX_HOLD_US);
	sem_post(arg);
	return NULL;
}

static void try_sem(const char *state, int value)
{
	for (enum matrix_when w = 0; w < MATRIX_WHEN_N; w++) {
		sem_init(&sem, 0, (unsigned)value);
		MATRIX_CALL(state, matrix_when_names[w],
			    sem_timedwait(&sem, matrix_at(w, CLOCK_REALTIME)));
		sem_init(&sem, 0, (unsigned)value);
		MATRIX_CALL(state, matrix_when_names[w],
			    sem_clockwait(&sem, CLOCK_MONOTONIC,
					  matrix_at(w, CLOCK_MONOTONIC)));
	}
	MATRIX_CALL(state, "unknown",
		    sem_clockwait(&sem, MATRIX_BAD_CLOCK,
				  matrix_at(MATRIX_SOON, MATRIX_BAD_CLOCK)));
}

static void on_signal(int sig)
{
	(void)sig;
}

static void *wait_open(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while (!atomic_load((atomic_int *)arg))
		usleep(MATRIX_POLL_US);
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
	MATRIX_CALL("open", "sem_wait", sem_wait(&sem));
	matrix_start(&thread, post_later, &sem);
	MATRIX_CALL("posted later", "sem_wait", sem_wait(&sem));
	pthread_join(thread, NULL);
	sigaction(SIGALRM, &act, NULL);
	ualarm(MATRIX_HOLD_US, 0);
	MATRIX_CALL("interrupted", "sem_wait", sem_wait(&sem));
	// A cancellation point even when it need not wait.
	sem_init(&sem, 0, 1);
	matrix_start(&thread, wait_open, &is_cancelled);
	pthread_cancel(thread);
	atomic_store(&is_cancelled, 1);
	pthread_join(thread, &value);
	sem_getvalue(&sem, &left);
	printf("  cancelled when open: %d, value left %d\n",
	       value == PTHREAD_CANCELED, left);
}

static pthread_cond_t cond;
static pthread_mutex_t mutex;

// The mutex that goes with the condition. (A ceiling, PTHREAD_PRIO_PROTECT,
// takes a right to real-time priorities; lock_matrix tries it.)
static const struct kind {
	const char *name;
	int robust, protocol, shared;
} kinds[] = {{"plain", 0, 0, 0},
	     {"robust", PTHREAD_MUTEX_ROBUST, 0, 0},
	     {"inheriting", 0, PTHREAD_PRIO_INHERIT, 0},
	     {"robust inheriting", PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT,
	      0},
	     {"shared", 0, 0, PTHREAD_PROCESS_SHARED}};

static void *signal_later(void *arg)
{
	usleep(MATRIX_HOLD_US);
	pthread_mutex_lock(&mutex);
	atomic_store((atomic_int *)arg, 1);
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void unlock(void *m)
{
	pthread_mutex_unlock(m);
}

static void *wait_for_ever(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
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

	matrix_start(&thread, signal_later, &is_done);
	pthread_mutex_lock(&mutex);
	while (!atomic_load(&is_done))
		pthread_cond_wait(&cond, &mutex);
	MATRIX_CALL("signalled", "unlock", pthread_mutex_unlock(&mutex));
	pthread_join(thread, NULL);
}

static void cond_cancelled(void)
{
	atomic_int is_waiting = 0;
	void *value = NULL;
	pthread_t thread;

	matrix_start(&thread, wait_for_ever, &is_waiting);
	while (!atomic_load(&is_waiting))
		usleep(MATRIX_POLL_US);
	pthread_mutex_lock(&mutex);
	pthread_cancel(thread);
	pthread_mutex_unlock(&mutex);
	pthread_join(thread, &value);
	printf("  cancelled: %d\n", value == PTHREAD_CANCELED);
	MATRIX_CALL("cancelled", "trylock", pthread_mutex_trylock(&mutex));
	MATRIX_CALL("cancelled", "unlock", pthread_mutex_unlock(&mutex));
}

static void *die_with_it(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cond_signal(&cond);
	return arg;
}

// The wait ends with a mutex whose owner has died with it.
static void cond_owner_dead(void)
{
	pthread_t thread;

	pthread_mutex_lock(&mutex);
	matrix_start(&thread, die_with_it, NULL);
	MATRIX_CALL("owner dead", "cond_wait",
		    pthread_cond_wait(&cond, &mutex));
	MATRIX_CALL("owner dead", "consistent",
		    pthread_mutex_consistent(&mutex));
	MATRIX_CALL("owner dead", "unlock", pthread_mutex_unlock(&mutex));
	pthread_join(thread, NULL);
}

static void make_cond(const struct kind *kind, int type, clockid_t clock)
{
	pthread_mutexattr_t mutex_attr;
	pthread_condattr_t attr;

	printf("condition, %s mutex, type %d, clock %d\n", kind->name, type,
	       clock);
	pthread_mutexattr_init(&mutex_attr);
	pthread_mutexattr_settype(&mutex_attr, type);
	pthread_mutexattr_setrobust(&mutex_attr, kind->robust);
	pthread_mutexattr_setprotocol(&mutex_attr, kind->protocol);
	pthread_mutexattr_setpshared(&mutex_attr, kind->shared);
	pthread_mutex_init(&mutex, &mutex_attr);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, clock);
	pthread_condattr_setpshared(&attr, kind->shared);
	pthread_cond_init(&cond, &attr);
}

static void one_cond(const struct kind *kind, int type, clockid_t clock)
{
	make_cond(kind, type, clock);
	if (type == PTHREAD_MUTEX_ERRORCHECK)
		MATRIX_CALL("not mine", "cond_wait",
			    pthread_cond_wait(&cond, &mutex));
	pthread_mutex_lock(&mutex);
	for (enum matrix_when w = 0; w < MATRIX_WHEN_N; w++) {
		MATRIX_CALL("timedwait", matrix_when_names[w],
			    pthread_cond_timedwait(&cond, &mutex,
						   matrix_at(w, clock)));
		MATRIX_CALL(
			"clockwait", matrix_when_names[w],
			pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC,
					       matrix_at(w, CLOCK_MONOTONIC)));
	}
	MATRIX_CALL("clockwait", "unknown",
		    pthread_cond_clockwait(&cond, &mutex, MATRIX_BAD_CLOCK,
					   matrix_at(MATRIX_SOON,
						     MATRIX_BAD_CLOCK)));
	pthread_mutex_unlock(&mutex);
	cond_signalled();
	cond_cancelled();
	if (kind->robust == PTHREAD_MUTEX_ROBUST)
		cond_owner_dead();
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
		matrix_start(&threads[i], meet, &barrier);
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
		usleep(MATRIX_POLL_US);
	return arg;
}

static void all_joins(void)
{
	atomic_int may_end = 0;
	void *value = NULL;
	pthread_t thread;

	puts("join");
	matrix_start(&thread, until_told, &may_end);
	MATRIX_CALL("self", "join", pthread_join(pthread_self(), NULL));
	// Bad times are left out: glibc 2.36 then waits busily.
	for (enum matrix_when w = MATRIX_SOON; w <= MATRIX_PAST; w++) {
		MATRIX_CALL("timedjoin", matrix_when_names[w],
			    pthread_timedjoin_np(thread, &value,
						 matrix_at(w, CLOCK_REALTIME)));
		MATRIX_CALL(
			"clockjoin", matrix_when_names[w],
			pthread_clockjoin_np(thread, &value, CLOCK_MONOTONIC,
					     matrix_at(w, CLOCK_MONOTONIC)));
	}
	MATRIX_CALL(
		"clockjoin", "unknown",
		pthread_clockjoin_np(thread, &value, MATRIX_BAD_CLOCK,
				     matrix_at(MATRIX_SOON, MATRIX_BAD_CLOCK)));
	atomic_store(&may_end, 1);
	MATRIX_CALL("running", "join", pthread_join(thread, &value));
	printf("  its value: %d\n", value == &may_end);
	matrix_start(&thread, until_told, &may_end);
	pthread_detach(thread);
	matrix_start(&thread, until_told, &may_end);
	usleep(MATRIX_HOLD_US);
	MATRIX_CALL(
		"ended", "timedjoin",
		pthread_timedjoin_np(thread, &value,
				     matrix_at(MATRIX_SOON, CLOCK_REALTIME)));
}

static int c11_result(void *arg)
{
	usleep(MATRIX_HOLD_US);
	return *(int *)arg;
}

static void all_c11(void)
{
	int result = 0, seven = 7;
	thrd_t thread;
	cnd_t c;
	mtx_t m;

	puts("c11"); // with results of its own: thrd_success and so on
	thrd_create(&thread, c11_result, &seven);
	printf("  running: thrd_join: %d\n", thrd_join(thread, &result));
	printf("  result %d\n", result);
	mtx_init(&m, mtx_plain);
	cnd_init(&c);
	mtx_lock(&m);
	for (enum matrix_when w = 0; w < MATRIX_WHEN_N; w++)
		printf("  cnd_timedwait: %s: %d\n", matrix_when_names[w],
		       cnd_timedwait(&c, &m, matrix_at(w, CLOCK_REALTIME)));
	mtx_unlock(&m);
}

int main(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};

	all_sem();
	for (unsigned k = 0; k < MATRIX_N(kinds); k++)
		for (int type = 0; type < 4; type++)
			for (unsigned i = 0; i < MATRIX_N(clocks); i++)
				one_cond(&kinds[k], type, clocks[i]);
	for (unsigned count = 1; count <= 4; count++)
		for (int pshared = 0; pshared < 2; pshared++)
			one_barrier(count, pshared);
	all_joins();
	all_c11();
	return host_verdict(0, "%u calls", matrix_n_calls);
}
