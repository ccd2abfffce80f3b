// SPDX-License-Identifier: Apache-2.0
//
// What the programs that run under the shim share: time, CPU to burn, their own
// memory, and the verdict. They know nothing of cprof: each says "ok ..." and
// exits 0, or "BAD ..." and exits 1, with or without a shim.
#ifndef CPROF_TEST_LIB_HOST_H
#define CPROF_TEST_LIB_HOST_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static inline double host_clock_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline double host_now_s(void)
{
	return host_clock_s(CLOCK_MONOTONIC);
}

// Burns CPU until S seconds of wall time have passed.
static inline void host_burn_s(double s)
{
	double end_s = host_now_s() + s;
	volatile unsigned long sink = 0;

	while (host_now_s() < end_s)
		for (int i = 0; i < 2000; i++)
			sink = sink + (unsigned long)i;
}

// Burns S seconds of this thread's own CPU time.
static inline void host_burn_cpu_s(double s)
{
	double end_s = host_clock_s(CLOCK_THREAD_CPUTIME_ID) + s;
	volatile unsigned long sink = 0;

	while (host_clock_s(CLOCK_THREAD_CPUTIME_ID) < end_s)
		for (int i = 0; i < 1000; i++)
			sink = sink + (unsigned long)i;
}

// KiB of anonymous memory: memory that a collector shares does not count.
static inline long host_rss_anon_kib(void)
{
	char line[256];
	long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

// Prints the verdict and returns the exit status.
__attribute__((format(printf, 2, 3))) static inline int
host_verdict(int is_bad, const char *format, ...)
{
	va_list ap;

	fputs(is_bad ? "BAD " : "ok ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return is_bad ? 1 : 0;
}

#endif
