// SPDX-License-Identifier: Apache-2.0
//
// Usage: collector_trouble SECONDS [cpu]. Takes and gives back memory for so
// long and measures the slowest round, whatever happens to the collector
// meanwhile (killed, stopped, started anew). Good: no round takes longer than
// 50 ms. With "cpu" it prints cpu_ms instead, the most CPU time that one
// malloc() and its free() took, which a busy machine hardly changes.
#include "test/lib/host.h"

#include <stdlib.h>
#include <unistd.h>

static double own_cpu_s(void)
{
	return host_clock_s(CLOCK_THREAD_CPUTIME_ID);
}

static int measure_cpu(double end_s)
{
	double most_s = 0;

	while (host_now_s() < end_s) {
		for (size_t i = 0; i < 256; i++) {
			double start_s = own_cpu_s(), took_s;
			void *volatile p = malloc(100 + i);

			free(p);
			took_s = own_cpu_s() - start_s;
			if (took_s > most_s)
				most_s = took_s;
		}
		usleep(1000);
	}
	printf("cpu_ms %.3f\n", most_s * 1e3);
	return 0;
}

int main(int argc, char **argv)
{
	double end_s = host_now_s() + (argc > 1 ? atof(argv[1]) : 3);
	double slowest_s = 0;

	if (argc > 2)
		return measure_cpu(end_s);
	while (host_now_s() < end_s) {
		double start_s = host_now_s(), took_s;

		for (size_t i = 0; i < 256; i++) {
			void *volatile p = malloc(100 + i);

			free(p);
		}
		took_s = host_now_s() - start_s;
		if (took_s > slowest_s)
			slowest_s = took_s;
		usleep(1000);
	}
	return host_verdict(slowest_s > 0.05, "slowest=%.1f ms",
			    slowest_s * 1e3);
}
