// SPDX-License-Identifier: Apache-2.0
//
// Usage: lock_truth block [ROUNDS] | lock_truth mutex [ROUNDS [LOCK]]
//
// Waits whose length the program measures itself, to be compared with the block
// and mutex profiles.
//
// block: threads wait for a mutex, a condition, a semaphore, a barrier, both
// sides of an rwlock and the end of a thread. Prints the nanoseconds of all
// waits there were in the process (block_ns) and of each sort.
//
// mutex: sleeper_holds() sleeps inside a lock that WAITERS threads want, each
// of which holds it for no time at all in brief_holds(). Prints what all have
// waited (wait_ns); nearly all of it was the sleeper's doing. LOCK is normal,
// recursive, errorcheck, adaptive, robust, inherit, c11, rwlock, or cond: the
// sleeper gives the mutex back by waiting for a condition.
#include "test/lib/host.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#define N_WAITERS 4
#define HOLD_US	  20000
#define PAUSE_US  3000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

enum sort { MUTEX, COND, SEM, BARRIER, READ, WRITE, JOIN, SORT_N };

static const char *const sort_names[SORT_N] = {
	"mutex", "cond", "sem", "barrier", "rdlock", "wrlock", "join"};

static _Atomic uint64_t waited_ns[SORT_N];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t sem;

static void waited(enum sort sort, uint64_t start_ns)
{
	atomic_fetch_add(&waited_ns[sort], now_ns() - start_ns);
}

// The waits of a block round, one a thread. Those who wait for main sleep first
// so that main is there before them.
static void *wait_mutex(void *arg)
{
	uint64_t start_ns;

	(void)arg;
	usleep(PAUSE_US);
	start_ns = now_ns();
	pthread_mutex_lock(&mutex);
	waited(MUTEX, start_ns);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *wait_sem(void *arg)
{
	uint64_t start_ns = now_ns();

	(void)arg;
	while (sem_wait(&sem) && errno == EINTR)
		;
	waited(SEM, start_ns);
	return NULL;
}

static void *wait_barrier(void *arg)
{
	uint64_t start_ns = now_ns();

	(void)arg;
	pthread_barrier_wait(&barrier);
	waited(BARRIER, start_ns);
	return NULL;
}

static void *wait_read(void *arg)
{
	uint64_t start_ns;

	(void)arg;
	usleep(PAUSE_US);
	start_ns = now_ns();
	pthread_rwlock_rdlock(&rwlock);
	waited(READ, start_ns);
	pthread_rwlock_unlock(&rwlock);
	return NULL;
}

static void *wait_write(void *arg)
{
	uint64_t start_ns;

	(void)arg;
	usleep(PAUSE_US);
	start_ns = now_ns();
	pthread_rwlock_wrlock(&rwlock);
	waited(WRITE, start_ns);
	pthread_rwlock_unlock(&rwlock);
	return NULL;
}

// Nobody signals: the deadline ends it.
static void *wait_cond(void *arg)
{
	static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
	struct timespec until;
	uint64_t start_ns;

	(void)arg;
	pthread_mutex_lock(&own);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += HOLD_US * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	start_ns = now_ns();
	while (pthread_cond_timedwait(&cond, &own, &until) != ETIMEDOUT)
		;
	waited(COND, start_ns);
	pthread_mutex_unlock(&own);
	return NULL;
}

static void *(*const waits[])(void *) = {wait_mutex, wait_mutex,   wait_sem,
					 wait_sem,   wait_barrier, wait_read,
					 wait_write, wait_cond};
#define N_WAITS (sizeof(waits) / sizeof(*waits))

static void join(pthread_t thread)
{
	uint64_t start_ns = now_ns();

	pthread_join(thread, NULL);
	waited(JOIN, start_ns);
}

static void block_round(void)
{
	pthread_t threads[N_WAITS];

	pthread_mutex_lock(&mutex);
	pthread_rwlock_wrlock(&rwlock);
	for (unsigned i = 0; i < N_WAITS; i++)
		pthread_create(&threads[i], NULL, waits[i], NULL);
	usleep(HOLD_US);
	pthread_rwlock_unlock(&rwlock);
	pthread_mutex_unlock(&mutex);
	usleep(HOLD_US);
	sem_post(&sem);
	sem_post(&sem);
	wait_barrier(NULL);
	for (unsigned i = 0; i < N_WAITS; i++)
		join(threads[i]);
}

static int run_block(int n_rounds)
{
	uint64_t total_ns = 0;

	sem_init(&sem, 0, 0);
	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < n_rounds; i++)
		block_round();
	for (unsigned i = 0; i < SORT_N; i++) {
		printf("%s_ns %lu\n", sort_names[i],
		       (unsigned long)waited_ns[i]);
		total_ns += waited_ns[i];
	}
	printf("block_ns %lu\n", (unsigned long)total_ns);
	return 0;
}

static mtx_t c11;
static atomic_int is_over;
static _Atomic uint64_t n_brief;

static int mutex_lock(void)
{
	return pthread_mutex_lock(&mutex);
}

static int mutex_unlock(void)
{
	return pthread_mutex_unlock(&mutex);
}

static int c11_lock(void)
{
	return mtx_lock(&c11);
}

static int c11_unlock(void)
{
	return mtx_unlock(&c11);
}

static int rwlock_lock(void)
{
	return pthread_rwlock_wrlock(&rwlock);
}

static int rwlock_unlock(void)
{
	return pthread_rwlock_unlock(&rwlock);
}

// Gives the mutex back for no time worth speaking of, then for good.
static int cond_unlock(void)
{
	const struct timespec past = {1, 0};

	pthread_cond_timedwait(&cond, &mutex, &past);
	return pthread_mutex_unlock(&mutex);
}

static const struct lock {
	const char *name;
	int (*lock)(void);
	int (*unlock)(void);
	int type, robust, protocol;
} locks[] = {
	{"normal", mutex_lock, mutex_unlock, PTHREAD_MUTEX_NORMAL, 0, 0},
	{"recursive", mutex_lock, mutex_unlock, PTHREAD_MUTEX_RECURSIVE, 0, 0},
	{"errorcheck", mutex_lock, mutex_unlock, PTHREAD_MUTEX_ERRORCHECK, 0,
	 0},
	{"adaptive", mutex_lock, mutex_unlock, PTHREAD_MUTEX_ADAPTIVE_NP, 0, 0},
	{"robust", mutex_lock, mutex_unlock, PTHREAD_MUTEX_NORMAL,
	 PTHREAD_MUTEX_ROBUST, 0},
	{"inherit", mutex_lock, mutex_unlock, PTHREAD_MUTEX_NORMAL, 0,
	 PTHREAD_PRIO_INHERIT},
	{"c11", c11_lock, c11_unlock, 0, 0, 0},
	{"rwlock", rwlock_lock, rwlock_unlock, 0, 0, 0},
	{"cond", mutex_lock, cond_unlock, PTHREAD_MUTEX_NORMAL, 0, 0},
};

static const struct lock *used;

static void timed_lock(void)
{
	uint64_t start_ns = now_ns();

	used->lock();
	waited(MUTEX, start_ns);
}

// The functions the profile must name: noipa, since gcc would drop the result
// that nobody needs, and with it the frame.
__attribute__((noipa)) static int sleeper_holds(void)
{
	timed_lock();
	usleep(HOLD_US);
	return used->unlock() + 1; // + 1: no tail call
}

__attribute__((noipa)) static int brief_holds(void)
{
	timed_lock();
	return used->unlock() + 1;
}

static void *want_it(void *arg)
{
	(void)arg;
	while (!atomic_load(&is_over)) {
		atomic_fetch_add(&n_brief, (uint64_t)brief_holds());
		usleep(PAUSE_US);
	}
	return NULL;
}

static int run_mutex(int n_rounds)
{
	pthread_t threads[N_WAITERS];
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, used->type);
	pthread_mutexattr_setrobust(&attr, used->robust);
	pthread_mutexattr_setprotocol(&attr, used->protocol);
	pthread_mutex_init(&mutex, &attr);
	mtx_init(&c11, mtx_plain);
	for (int i = 0; i < N_WAITERS; i++)
		pthread_create(&threads[i], NULL, want_it, NULL);
	for (int i = 0; i < n_rounds; i++) {
		sleeper_holds();
		usleep(PAUSE_US);
	}
	atomic_store(&is_over, 1);
	for (int i = 0; i < N_WAITERS; i++)
		pthread_join(threads[i], NULL);
	printf("lock %s\nsleeper_function sleeper_holds\n"
	       "brief_function brief_holds\nrounds %d\nwait_ns %lu\n",
	       used->name, n_rounds, (unsigned long)waited_ns[MUTEX]);
	return 0;
}

int main(int argc, char **argv)
{
	int n_rounds = argc > 2 ? atoi(argv[2]) : 25;

	used = &locks[0];
	for (unsigned i = 0; i < sizeof(locks) / sizeof(*locks); i++)
		if (argc > 3 && strcmp(argv[3], locks[i].name) == 0)
			used = &locks[i];
	if (argc > 1 && n_rounds > 0 && strcmp(argv[1], "block") == 0)
		return run_block(n_rounds);
	if (argc > 1 && n_rounds > 0 && strcmp(argv[1], "mutex") == 0)
		return run_mutex(n_rounds);
	fprintf(stderr, "usage: lock_truth block|mutex [ROUNDS [LOCK]]\n");
	return 2;
}
