// SPDX-License-Identifier: Apache-2.0
//
// A short life that calls most of what a profiler stands in front of: memory,
// locks and waits, threads, signals and their masks, children, libraries. Also
// built with musl, where the shim must do nothing but pass on. Good: ok, 0.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N_THREADS = 4, N_ROUNDS = 200 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t sem;
static volatile sig_atomic_t n_signals;
static int turn;

static void on_signal(int sig)
{
	(void)sig;
	n_signals++;
}

static int allocate(void)
{
	void *volatile p = malloc(100), *volatile q = calloc(10, 10), *r = NULL;
	int err = !p || !q || posix_memalign(&r, 64, 1000);

	p = realloc(p, 100000);
	err |= !p;
	free(p);
	free(q);
	free(r);
	free(aligned_alloc(64, 128));
	return err;
}

static void take_turn(int me)
{
	pthread_mutex_lock(&mutex);
	while (turn % N_THREADS != me)
		pthread_cond_wait(&cond, &mutex);
	turn++;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
}

static void *work(void *arg)
{
	long err = 0;

	for (int i = 0; i < N_ROUNDS; i++) {
		take_turn((int)(long)arg);
		err |= allocate();
		pthread_rwlock_rdlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
		pthread_rwlock_wrlock(&rwlock);
		pthread_rwlock_unlock(&rwlock);
	}
	pthread_barrier_wait(&barrier);
	sem_post(&sem);
	return (void *)err;
}

static int threads(void)
{
	pthread_t all[N_THREADS];
	long err = 0;

	pthread_barrier_init(&barrier, NULL, N_THREADS);
	sem_init(&sem, 0, 0);
	for (long i = 0; i < N_THREADS; i++)
		err |= pthread_create(&all[i], NULL, work, (void *)i);
	for (int i = 0; i < N_THREADS; i++) {
		void *value = NULL;

		err |= sem_wait(&sem) | pthread_join(all[i], &value);
		err |= (long)value;
	}
	return err != 0;
}

static int timed(void)
{
	struct timespec t;
	int err;

	clock_gettime(CLOCK_REALTIME, &t);
	pthread_mutex_lock(&mutex);
	err = pthread_cond_timedwait(&cond, &mutex, &t) != ETIMEDOUT;
	pthread_mutex_unlock(&mutex);
	return err || sem_timedwait(&sem, &t) != -1;
}

static int signals(void)
{
	struct sigaction act = {.sa_handler = on_signal}, old;
	sigset_t set;
	int got = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	if (sigaction(SIGURG, &act, &old) || old.sa_handler != SIG_DFL ||
	    signal(SIGUSR1, on_signal) != SIG_DFL)
		return 1;
	raise(SIGURG);
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGURG);
	return n_signals != 2 || sigwait(&set, &got) || got != SIGURG;
}

static int children(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(allocate() ? 1 : 7);
	return pid < 0 || waitpid(pid, &status, 0) != pid ||
	       WEXITSTATUS(status) != 7 || system("exit 3") != 3 << 8;
}

static int libraries(void)
{
	void *self = dlopen(NULL, RTLD_LAZY);

	return !self || !dlsym(self, "malloc") || dlclose(self) ||
	       prctl(PR_SET_NAME, "life", 0, 0, 0);
}

int main(void)
{
	int err = allocate() | threads() << 1 | timed() << 2 | signals() << 3 |
		  children() << 4 | libraries() << 5;

	printf(err ? "BAD %x\n" : "ok\n", (unsigned)err);
	return err;
}
