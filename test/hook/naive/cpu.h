// SPDX-License-Identifier: Apache-2.0
//
// Naive: samples every thread by SIGPROF and unwinds in the handler. The
// includer defines naive_capture(). Settings: NAIVE_HZ; NAIVE_CLOCK=mono (wall
// clock instead of CPU time); NAIVE_ITIMER=1 (ITIMER_PROF for the process);
// NAIVE_SIGNAL=urg (SIGURG instead of SIGPROF); NAIVE_MALLOC=1 (unwinds in
// malloc too); NAIVE_FLAGS=onstack; NAIVE_REPORT=1.
#ifndef CPROF_TEST_HOOK_NAIVE_CPU_H
#define CPROF_TEST_HOOK_NAIVE_CPU_H

#include "test/hook/naive/naive.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <time.h>

enum { NAIVE_FRAMES = 128 };

// Writes at most MAX return addresses; returns how many.
static int naive_capture(void **frames, int max);

static int hz = 250, signal_number = SIGPROF;
static int is_mono, is_itimer, is_in_malloc;
static atomic_long n_samples, n_frames;
static pthread_key_t timer_key;
static NAIVE_TLS int is_inside;

static void sample(void)
{
	void *frames[NAIVE_FRAMES];

	n_frames += naive_capture(frames, NAIVE_FRAMES);
	n_samples++;
}

static void on_prof(int s)
{
	int saved = errno;

	(void)s;
	sample();
	errno = saved;
}

static void arm_thread(void)
{
	const long period_ns = 1000000000 / hz;
	const struct itimerspec period = {{0, period_ns}, {0, period_ns}};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
				 .sigev_signo = signal_number};
	timer_t timer;

	if (is_itimer)
		return;
	event._sigev_un._tid = naive_tid();
	if (timer_create(is_mono ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID,
			 &event, &timer))
		return;
	timer_settime(timer, 0, &period, NULL);
	pthread_setspecific(timer_key, (void *)((uintptr_t)timer + 1));
}

static void delete_timer(void *value)
{
	timer_delete((timer_t)((uintptr_t)value - 1));
}

struct start {
	void *(*run)(void *);
	void *arg;
	char pad[48];
};

static void *start_thread(void *p)
{
	struct start s = *(struct start *)p;

	__libc_free(p);
	arm_thread();
	return s.run(s.arg);
}

// Leaks the argument when the thread can't be made.
int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
		   void *(*run)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *,
			   void *(*)(void *), void *);
	struct start *s = __libc_malloc(sizeof(*s));

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	s->run = run;
	s->arg = arg;
	return real(thread, attr, start_thread, s);
}

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);

	if (is_in_malloc && !is_inside) {
		is_inside = 1;
		sample();
		is_inside = 0;
	}
	return p;
}

__attribute__((constructor)) static void naive_start(void)
{
	struct sigaction action = {.sa_handler = on_prof,
				   .sa_flags = SA_RESTART};
	const char *rate = getenv("NAIVE_HZ");

	hz = rate ? atoi(rate) : hz;
	if (naive_is("NAIVE_SIGNAL", "urg"))
		signal_number = SIGURG;
	is_mono = naive_is("NAIVE_CLOCK", "mono");
	is_itimer = naive_is("NAIVE_ITIMER", "1");
	is_in_malloc = naive_is("NAIVE_MALLOC", "1");
	if (naive_is("NAIVE_FLAGS", "onstack"))
		action.sa_flags |= SA_ONSTACK;
	pthread_key_create(&timer_key, delete_timer);
	sigaction(signal_number, &action, NULL);
	if (is_itimer) {
		const struct itimerval period = {{0, 1000000 / hz},
						 {0, 1000000 / hz}};

		setitimer(ITIMER_PROF, &period, NULL);
	}
	arm_thread();
}

__attribute__((destructor)) static void naive_end(void)
{
	if (naive_is("NAIVE_REPORT", "1"))
		fprintf(stderr, "[samples=%ld hz=%d]\n", (long)n_samples, hz);
}

#endif
