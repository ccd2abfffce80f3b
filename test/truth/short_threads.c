// SPDX-License-Identifier: Apache-2.0
//
// Usage: short_threads. For each number N that comes in by stdin it runs so
// many threads, four at a time, and prints "ran N". Each allocates N_SITES
// blocks by as many stacks that no other row has, in site(), and one in keep(),
// which lives until the threads of the next number have run.
#include "test/lib/host.h"

#include <pthread.h>
#include <stdlib.h>

enum { N_AT_ONCE = 4, N_SITES = 24, N_MAX = 1 << 20 };

static void *kept[2][N_MAX];

void site(int depth);
void *keep(void);

#define NO_TAIL_CALL __asm__ volatile("")

// As many stacks as calls.
__attribute__((noinline)) void site(int depth)
{
	free(malloc(50));
	if (depth > 1)
		site(depth - 1);
	NO_TAIL_CALL;
}

__attribute__((noinline)) void *keep(void)
{
	void *block = malloc(100);

	NO_TAIL_CALL;
	return block;
}

static void *run(void *arg)
{
	pthread_setname_np(pthread_self(), "short");
	site(N_SITES);
	*(void **)arg = keep();
	return NULL;
}

static void run_threads(void **blocks, int n)
{
	pthread_t threads[N_AT_ONCE];

	for (int i = 0; i < n; i += N_AT_ONCE) {
		int n_now = n - i < N_AT_ONCE ? n - i : N_AT_ONCE;

		for (int k = 0; k < n_now; k++)
			if (pthread_create(&threads[k], NULL, run,
					   &blocks[i + k]))
				exit(host_verdict(1, "no thread"));
		for (int k = 0; k < n_now; k++)
			pthread_join(threads[k], NULL);
	}
}

int main(void)
{
	char line[32];
	int n, n_before = 0;

	for (int turn = 0; fgets(line, sizeof(line), stdin); turn ^= 1) {
		n = atoi(line);
		if (n < 1 || n > N_MAX)
			return host_verdict(1, "%d threads", n);
		run_threads(kept[turn], n);
		for (int i = 0; i < n_before; i++)
			free(kept[!turn][i]);
		n_before = n;
		printf("ran %d\n", n);
		fflush(stdout);
	}
	return 0;
}
