// SPDX-License-Identifier: Apache-2.0
//
// Usage: cpu_bias PATTERN. Spends CPU time in a pattern that misleads a
// profiler (many short threads, bursts shorter than a tick, sleeping across
// each tick) and prints how much it was. Good: the profile's total agrees.
#include "test/lib/host.h"

#include <pthread.h>
#include <unistd.h>

static void *burn_2_ms(void *arg)
{
	host_burn_cpu_s(0.002);
	return arg;
}

static void one_thread(void)
{
	host_burn_cpu_s(2);
}

static void short_threads(void)
{
	for (int i = 0; i < 1000; i++) {
		pthread_t thread;

		pthread_create(&thread, NULL, burn_2_ms, NULL);
		pthread_join(thread, NULL);
	}
}

static void bursts(void)
{
	for (int i = 0; i < 1000; i++) {
		host_burn_cpu_s(0.002);
		usleep(1300);
	}
}

static void short_bursts(void)
{
	for (int i = 0; i < 6000; i++) {
		host_burn_cpu_s(0.0003);
		usleep(200);
	}
}

// Asleep at each 4 ms tick of the kernel.
static void tick_dodger(void)
{
	for (int i = 0; i < 700; i++) {
		struct timespec t;

		host_burn_cpu_s(0.0028);
		clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
		t.tv_nsec += 4150000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_nsec -= 1000000000;
			t.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} patterns[] = {{"one_thread", one_thread},
		{"short_threads", short_threads},
		{"bursts", bursts},
		{"short_bursts", short_bursts},
		{"tick_dodger", tick_dodger}};

int main(int argc, char **argv)
{
	int n_run = 0;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (argc > 1 && !strcmp(argv[1], patterns[i].name)) {
			patterns[i].run();
			n_run++;
		}
	return host_verdict(n_run != 1, "cpu_s=%.3f",
			    host_clock_s(CLOCK_PROCESS_CPUTIME_ID));
}
