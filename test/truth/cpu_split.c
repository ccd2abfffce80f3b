// SPDX-License-Identifier: Apache-2.0
//
// Usage: cpu_split SECONDS. Five functions share so much CPU time in known
// parts, in slices of random order and length (so that no rhythm of theirs
// meets the sampler's). Prints what each has had, as its own clock says.
#include "test/lib/host.h"

#include <stdlib.h>

enum { N_PARTS = 5 };

// Not host_burn_cpu_s: the five must be different functions down to the leaf.
#define PART(name)                                                        \
	void name(double s);                                              \
	__attribute__((noinline)) void name(double s)                     \
	{                                                                 \
		double end_s = host_clock_s(CLOCK_THREAD_CPUTIME_ID) + s; \
		volatile unsigned long sink = 0;                          \
                                                                          \
		while (host_clock_s(CLOCK_THREAD_CPUTIME_ID) < end_s)     \
			for (unsigned long i = 0; i < 20000; i++)         \
				sink = sink + i;                          \
	}

PART(part_40)
PART(part_25)
PART(part_20)
PART(part_10)
PART(part_05)

static struct {
	const char *name;
	void (*run)(double s);
	int percent;
	double used_s;
} parts[N_PARTS] = {{"part_40", part_40, 40, 0},
		    {"part_25", part_25, 25, 0},
		    {"part_20", part_20, 20, 0},
		    {"part_10", part_10, 10, 0},
		    {"part_05", part_05, 5, 0}};

static unsigned pick(void)
{
	int r = (int)(random() % 100);
	unsigned i = 0;

	while (r >= parts[i].percent)
		r -= parts[i++].percent;
	return i;
}

int main(int argc, char **argv)
{
	double end_s = argc > 1 ? atof(argv[1]) : 5, now_s;

	srandom((unsigned)time(NULL));
	end_s += host_clock_s(CLOCK_THREAD_CPUTIME_ID);
	now_s = host_clock_s(CLOCK_THREAD_CPUTIME_ID);
	while (now_s < end_s) {
		unsigned i = pick();
		double before_s = now_s;

		parts[i].run(0.0005 * (double)(1 + random() % 8));
		now_s = host_clock_s(CLOCK_THREAD_CPUTIME_ID);
		parts[i].used_s += now_s - before_s;
	}
	for (unsigned i = 0; i < N_PARTS; i++)
		printf("%s %.6f\n", parts[i].name, parts[i].used_s);
	printf("total %.6f\n", host_clock_s(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
