// SPDX-License-Identifier: Apache-2.0
//
// A library of the program early: its constructor runs before that of anything
// preloaded, and lives a whole life in there.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

int early_error = -1;
int early_n_threads;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t checked = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static volatile sig_atomic_t n_signals;

static void on_signal(int sig)
{
	(void)sig;
	n_signals++;
}

static void *work(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(100);

		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
		p = realloc(p, 1000);
		free(p);
	}
	return arg;
}

static int c11_work(void *arg)
{
	work(arg);
	return 7;
}

static int locks(void)
{
	if (pthread_mutex_lock(&checked) ||
	    pthread_mutex_lock(&checked) != EDEADLK ||
	    pthread_mutex_unlock(&checked))
		return 1;
	return pthread_mutex_unlock(&checked) != EPERM;
}

static int threads(void)
{
	pthread_t all[4];
	thrd_t c11;
	int err = 0, result = 0;

	for (int i = 0; i < 4; i++)
		err |= pthread_create(&all[i], NULL, work, NULL);
	err |= thrd_create(&c11, c11_work, NULL);
	for (int i = 0; i < 4; i++)
		err |= pthread_join(all[i], NULL);
	err |= thrd_join(c11, &result) | (result != 7);
	early_n_threads = 5;
	return err;
}

static int signals(void)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	if (signal(SIGURG, on_signal) != SIG_DFL || raise(SIGURG) ||
	    n_signals != 1 || sigprocmask(SIG_BLOCK, &set, &old) ||
	    raise(SIGURG) || n_signals != 1 ||
	    sigprocmask(SIG_SETMASK, &old, NULL))
		return 1;
	return n_signals != 2 || signal(SIGURG, SIG_DFL) != on_signal;
}

static int children(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		work(NULL);
		_exit(7);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid ||
	       WEXITSTATUS(status) != 7;
}

__attribute__((constructor)) static void live(void)
{
	void *self = dlopen(NULL, RTLD_LAZY);

	early_error = locks() | threads() << 1 | signals() << 2 |
		      children() << 3 | !self << 4 | dlclose(self) << 5;
}
