// SPDX-License-Identifier: Apache-2.0
//
// What the matrix programs share: calls that print what they answer (and errno
// when it changed), and the times they are tried with. Their transcripts are
// compared bare and under a shim, so nothing that differs from run to run is
// printed.
#ifndef CPROF_TEST_LIB_MATRIX_H
#define CPROF_TEST_LIB_MATRIX_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MATRIX_SOON_NS	   2000000
#define MATRIX_POLL_US	   100
#define MATRIX_HOLD_US	   3000
#define MATRIX_ERRNO_KEPT  1234
#define MATRIX_NANOSECONDS 1000000000
// Known to the kernel, but no lock can be timed by it.
#define MATRIX_BAD_CLOCK CLOCK_PROCESS_CPUTIME_ID
#define MATRIX_N(a)	 (sizeof(a) / sizeof(*(a)))

// The times a timed call is tried with.
enum matrix_when {
	MATRIX_SOON,
	MATRIX_PAST,
	MATRIX_BAD,
	MATRIX_NEGATIVE,
	MATRIX_WHEN_N
};

static const char *const matrix_when_names[MATRIX_WHEN_N] = {"soon", "past",
							     "bad", "negative"};

static unsigned matrix_n_calls;

static inline const char *matrix_name(int result)
{
	if (result == -1)
		return "-1"; // and PTHREAD_BARRIER_SERIAL_THREAD
	return result ? strerrorname_np(result) : "0";
}

static inline int matrix_report(const char *state, const char *name, int result)
{
	printf("  %s: %s: %s", state, name, matrix_name(result));
	if (errno != MATRIX_ERRNO_KEPT)
		printf(" errno %s", matrix_name(errno));
	putchar('\n');
	matrix_n_calls++;
	return result;
}

// Makes CALL with errno watched, prints the line, and is its result.
#define MATRIX_CALL(state, name, call) \
	matrix_report((state), (name), (errno = MATRIX_ERRNO_KEPT, (call)))

// The time WHEN by CLOCK; the next call of the thread overwrites it.
static inline const struct timespec *matrix_at(enum matrix_when when,
					       clockid_t clock)
{
	static _Thread_local struct timespec t;

	t = (struct timespec){1, 0};
	if (when == MATRIX_BAD)
		t.tv_nsec = MATRIX_NANOSECONDS;
	else if (when == MATRIX_NEGATIVE)
		t.tv_sec = -1;
	if (when != MATRIX_SOON)
		return &t;
	clock_gettime(clock, &t);
	t.tv_nsec += MATRIX_SOON_NS;
	t.tv_sec += t.tv_nsec / MATRIX_NANOSECONDS;
	t.tv_nsec %= MATRIX_NANOSECONDS;
	return &t;
}

static inline void matrix_start(pthread_t *thread, void *(*run)(void *),
				void *arg)
{
	if (pthread_create(thread, NULL, run, arg))
		abort();
}

#endif
