// SPDX-License-Identifier: Apache-2.0
//
// Usage: foreign_threads sigev|aio|resolve|attr. Threads that a hook of
// pthread_create never sees (a timer's, asynchronous I/O's, the resolver's:
// libc makes them for itself, with all signals blocked), and one that is made
// with a mask of its own. Each allocates 100 times and burns CPU. Good: all of
// it happens, and the thread with the mask has that mask.
#include "test/lib/host.h"

#include <aio.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define BURN_S 0.5
enum { N_BLOCKS = 100, BLOCK_BYTES = 500 };

static sem_t done;
static volatile int is_masked;

__attribute__((noinline)) static void allocate_there(void)
{
	for (int i = 0; i < N_BLOCKS; i++)
		free(malloc(BLOCK_BYTES));
}

__attribute__((noinline)) static void burn_there(void)
{
	host_burn_cpu_s(BURN_S);
}

static void notify(union sigval value)
{
	(void)value;
	allocate_there();
	burn_there();
	sem_post(&done);
}

static struct sigevent by_thread(void)
{
	return (struct sigevent){.sigev_notify = SIGEV_THREAD,
				 .sigev_notify_function = notify};
}

static int by_timer(void)
{
	const struct itimerspec soon = {.it_value = {0, 1000000}};
	struct sigevent event = by_thread();
	timer_t timer;

	return timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	       timer_settime(timer, 0, &soon, NULL);
}

static int by_aio(void)
{
	static char byte;
	static struct aiocb cb;

	cb.aio_fildes = open("/dev/zero", O_RDONLY);
	cb.aio_buf = &byte;
	cb.aio_nbytes = 1;
	cb.aio_sigevent = by_thread();
	return cb.aio_fildes < 0 || aio_read(&cb);
}

static int by_resolver(void)
{
	static struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	static struct gaicb one = {.ar_name = "127.0.0.1",
				   .ar_request = &hints};
	static struct gaicb *list[] = {&one};
	struct sigevent event = by_thread();

	return getaddrinfo_a(GAI_NOWAIT, list, 1, &event);
}

static void *masked(void *arg)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	is_masked = sigismember(&mask, SIGURG) && sigismember(&mask, SIGTERM);
	notify((union sigval){0});
	return arg;
}

static int by_attributes(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setsigmask_np(&attr, &all);
	return pthread_create(&thread, &attr, masked, NULL) ||
	       pthread_join(thread, NULL) || !is_masked;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "attr";
	int err;

	sem_init(&done, 0, 0);
	err = !strcmp(how, "sigev")	? by_timer()
	      : !strcmp(how, "aio")	? by_aio()
	      : !strcmp(how, "resolve") ? by_resolver()
					: by_attributes();
	while (!err && sem_wait(&done))
		continue;
	return host_verdict(err, "cpu_s=%.3f", BURN_S);
}
