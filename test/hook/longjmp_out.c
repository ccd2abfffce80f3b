// SPDX-License-Identifier: Apache-2.0
//
// A handler jumps out of a blocking sem_wait, the classic way to a timeout;
// then two threads contend for a lock. Good: the locks work, and the contention
// after the jump is recorded: nothing stays switched off.
#include "test/lib/host.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

enum { N_JUMPS = 3, N_TURNS = 50 };

static sigjmp_buf before_wait;
static sem_t never_posted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void on_alarm(int s)
{
	(void)s;
	siglongjmp(before_wait, 1);
}

static void *take_turns(void *arg)
{
	for (int i = 0; i < N_TURNS; i++) {
		pthread_mutex_lock(&lock);
		usleep(1000);
		pthread_mutex_unlock(&lock);
		usleep(100);
	}
	return arg;
}

static void wait_at_most_20_ms(void)
{
	const struct itimerval limit = {{0, 0}, {0, 20000}};

	if (sigsetjmp(before_wait, 1))
		return;
	setitimer(ITIMER_REAL, &limit, NULL);
	sem_wait(&never_posted);
}

int main(void)
{
	pthread_t thread;

	sem_init(&never_posted, 0, 0);
	signal(SIGALRM, on_alarm);
	for (int i = 0; i < N_JUMPS; i++)
		wait_at_most_20_ms();
	pthread_create(&thread, NULL, take_turns, NULL);
	take_turns(NULL);
	pthread_join(thread, NULL);
	return host_verdict(0, "jumps=%d", N_JUMPS);
}
