// SPDX-License-Identifier: Apache-2.0
//
// Calls that end early with EINTR when a signal arrives, even one with
// SA_RESTART, made while another thread burns CPU and then while the caller
// itself burns between them; and a semaphore's while a collector that does not
// know of it yet asks for the thread's stack: with SIGURG, which does nothing
// to a program that has no handler for it. Good: none is interrupted.
#include "test/lib/host.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { N_ROUNDS = 40, WAIT_MS = 5 };

static atomic_int is_over;
static int epoll_fd, sockets[2];
static sem_t never_posted;

static int wait_epoll(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, WAIT_MS);
}

static int wait_poll(void)
{
	return poll(NULL, 0, WAIT_MS);
}

static int wait_select(void)
{
	struct timeval t = {0, WAIT_MS * 1000};

	return select(0, NULL, NULL, NULL, &t);
}

static int wait_nanosleep(void)
{
	const struct timespec t = {0, WAIT_MS * 1000000};

	return nanosleep(&t, NULL);
}

static int wait_usleep(void)
{
	return usleep(WAIT_MS * 1000);
}

static int wait_semaphore(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += WAIT_MS * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return sem_timedwait(&never_posted, &t);
}

static int wait_recv(void)
{
	char c;

	return (int)recv(sockets[0], &c, 1, 0);
}

static int (*const waits[])(void) = {wait_epoll,  wait_poll,
				     wait_select, wait_nanosleep,
				     wait_usleep, wait_semaphore,
				     wait_recv};

static void *burn(void *arg)
{
	while (!is_over)
		host_burn_s(0.001);
	return arg;
}

static int n_interrupted(double burn_before_s)
{
	int n = 0;

	for (int i = 0; i < N_ROUNDS; i++)
		for (size_t k = 0; k < sizeof(waits) / sizeof(*waits); k++) {
			if (burn_before_s > 0)
				host_burn_s(burn_before_s);
			n += waits[k]() < 0 && errno == EINTR;
		}
	return n;
}

// As the collector asks (proto/region.h).
static void *ask(void *arg)
{
	pid_t tid = *(pid_t *)arg;
	siginfo_t si = {.si_code = SI_QUEUE};

	for (uint64_t n = 1; !is_over; n++) {
		si.si_value.sival_ptr =
			(void *)(uintptr_t)(0x6370726600000000 | n);
		syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGURG, &si);
		usleep(1000);
	}
	return NULL;
}

static int n_asked(void)
{
	pid_t tid = gettid();
	pthread_t thread;
	int n = 0;

	is_over = 0;
	pthread_create(&thread, NULL, ask, &tid);
	for (int i = 0; i < N_ROUNDS; i++)
		n += wait_semaphore() < 0 && errno == EINTR;
	is_over = 1;
	pthread_join(thread, NULL);
	return n;
}

int main(void)
{
	const struct timeval limit = {0, WAIT_MS * 1000};
	pthread_t thread;
	int n_other, n_self, n_ask;

	epoll_fd = epoll_create1(0);
	sem_init(&never_posted, 0, 0);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sockets);
	setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	pthread_create(&thread, NULL, burn, NULL);
	n_other = n_interrupted(0);
	is_over = 1;
	pthread_join(thread, NULL);
	n_self = n_interrupted(0.003);
	n_ask = n_asked();
	return host_verdict(n_other || n_self || n_ask,
			    "other_burns=%d self_burns=%d asked=%d", n_other,
			    n_self, n_ask);
}
