// SPDX-License-Identifier: Apache-2.0
//
// errno must survive free(), and every hooked call that succeeds, and signals
// that arrive at any time. Good: it never changes.
#include "test/lib/host.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MARK = 12345, LIMIT_S = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static int n_changed;
static int n_late;	       // waits that nobody was seen in
static _Atomic pid_t x_waiter; // its tid, once it is about to wait

static void check(void)
{
	n_changed += errno != MARK;
	errno = MARK;
}

static void heap(size_t i)
{
	void *p, *q = NULL;

	p = malloc(1 + i * 37);
	check();
	p = realloc(p, 10 + i * 91);
	check();
	free(p);
	check();
	p = calloc(1 + i, 3);
	check();
	if (posix_memalign(&q, 64, 1 + i))
		n_changed++;
	check();
	free(p);
	free(q);
	check();
}

static void locks(void)
{
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
	check();
	pthread_rwlock_rdlock(&rwlock);
	pthread_rwlock_unlock(&rwlock);
	check();
	pthread_cond_signal(&cond);
	check();
	sem_post(&sem);
	sem_wait(&sem);
	check();
}

// A server that blocks its signals after a wait looks at the wait's errno then:
// postgres gives up when it isn't EINTR.
static void signals(void)
{
	struct sigaction act;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	check();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	check();
	sigaction(SIGURG, NULL, &act);
	check();
	sigaction(SIGUSR1, NULL, &act);
	check();
	signal(SIGUSR2, SIG_IGN);
	check();
}

static void *wait_until(void *arg)
{
	struct timespec until;
	sigset_t urgent;

	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	pthread_sigmask(arg ? SIG_BLOCK : SIG_UNBLOCK, &urgent, NULL);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	x_waiter = (pid_t)syscall(SYS_gettid);
	errno = MARK;
	if (sem_timedwait(&sem, &until))
		n_changed++;
	check();
	return arg;
}

// Of a thread of this process.
static char state_of(pid_t tid)
{
	char path[64], state = '?';
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		fclose(f);
	}
	return state;
}

// Until the waiter sleeps, which it does nowhere but in its wait.
static void await_sleep(void)
{
	double end_s = host_now_s() + LIMIT_S;

	while ((!x_waiter || state_of(x_waiter) != 'S') && host_now_s() < end_s)
		usleep(1000);
	n_late += host_now_s() >= end_s;
}

// A signal that nobody has a handler for, or that the waiting thread blocks,
// ends no wait.
static void interrupted(void *is_blocked)
{
	pthread_t t;

	x_waiter = 0;
	pthread_create(&t, NULL, wait_until, is_blocked);
	for (int i = 0; i < 10; i++) {
		await_sleep();
		pthread_kill(t, SIGURG);
	}
	await_sleep();
	sem_post(&sem);
	pthread_join(t, NULL);
	errno = MARK;
}

int main(void)
{
	double end_s;
	volatile unsigned sink = 0;

	sem_init(&sem, 0, 0);
	errno = MARK;
	for (size_t i = 0; i < 2000; i++) {
		heap(i);
		locks();
		signals();
	}
	interrupted(NULL);
	interrupted(&sem);
	end_s = host_now_s() + 1;
	while (host_now_s() < end_s)
		for (unsigned i = 0; i < 1000; i++) {
			sink = sink + i;
			check();
		}
	return host_verdict(n_changed || n_late, "changed=%d late=%d",
			    n_changed, n_late);
}
