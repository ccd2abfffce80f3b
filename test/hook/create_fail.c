// SPDX-License-Identifier: Apache-2.0
//
// 100,000 calls of pthread_create that must fail (a stack of 64 TiB). Good:
// they return the error, start nothing and leak nothing.
#include "test/lib/host.h"

#include <pthread.h>

enum { N_CALLS = 100000, MAX_GROWTH_KIB = 1024 };

static void *run(void *arg)
{
	return arg;
}

int main(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int n_created = 0;
	long growth_kib;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)1 << 46);
	n_created += pthread_create(&thread, &attr, run, NULL) == 0;
	growth_kib = -host_rss_anon_kib();
	for (int i = 0; i < N_CALLS; i++)
		n_created += pthread_create(&thread, &attr, run, NULL) == 0;
	growth_kib += host_rss_anon_kib();
	return host_verdict(n_created || growth_kib > MAX_GROWTH_KIB,
			    "created=%d growth=%ld KiB", n_created, growth_kib);
}
