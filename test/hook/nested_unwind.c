// SPDX-License-Identifier: Apache-2.0
//
// Allocates from 8,000 call sites in two threads. An unwinder that is called
// in malloc and again by a signal inside of that has its cache of call sites
// grown, and unmapped, under its feet. Good: no crash.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

__attribute__((noinline)) static void leaf(size_t n)
{
	void *volatile p = malloc(16 + (n & 255));

	free(p);
}

#define SITE(n)                                                           \
	__attribute__((noinline, noclone)) static void site_##n(size_t s) \
	{                                                                 \
		leaf(s + 1##n);                                           \
		__asm__ volatile("");                                     \
	}
#define POINTER(n) site_##n,
// clang-format has no stable layout for these.
// clang-format off
#define TEN(x, n)                                                       \
	x(n##0) x(n##1) x(n##2) x(n##3) x(n##4)                         \
	x(n##5) x(n##6) x(n##7) x(n##8) x(n##9)
#define HUNDRED(x, n)                                                   \
	TEN(x, n##0) TEN(x, n##1) TEN(x, n##2) TEN(x, n##3) TEN(x, n##4) \
	TEN(x, n##5) TEN(x, n##6) TEN(x, n##7) TEN(x, n##8) TEN(x, n##9)
#define THOUSAND(x, n)                                                  \
	HUNDRED(x, n##0) HUNDRED(x, n##1) HUNDRED(x, n##2)              \
	HUNDRED(x, n##3) HUNDRED(x, n##4) HUNDRED(x, n##5)              \
	HUNDRED(x, n##6) HUNDRED(x, n##7) HUNDRED(x, n##8)              \
	HUNDRED(x, n##9)
#define ALL(x)                                                          \
	THOUSAND(x, 1) THOUSAND(x, 2) THOUSAND(x, 3) THOUSAND(x, 4)     \
	THOUSAND(x, 5) THOUSAND(x, 6) THOUSAND(x, 7) THOUSAND(x, 8)
// clang-format on

ALL(SITE)

static void (*const sites[])(size_t) = {ALL(POINTER)};
enum { N_SITES = sizeof(sites) / sizeof(*sites) };

static void *run(void *seed)
{
	unsigned r = (unsigned)(uintptr_t)seed;
	double end_s = host_now_s() + 2;

	while (host_now_s() < end_s)
		for (int i = 0; i < 200; i++) {
			r = r * 1664525u + 1013904223u;
			sites[(r >> 8) % N_SITES](r);
		}
	return NULL;
}

int main(void)
{
	pthread_t threads[2];

	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, run, (void *)(i + 7));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return host_verdict(0, "sites=%d", (int)N_SITES);
}
