// SPDX-License-Identifier: Apache-2.0
//
// Closes everything from 3 up, then makes pipes, which get the numbers that a
// library may still believe its own (libunwind keeps a pipe to test addresses).
// Good: the pipes carry exactly the bytes that were written.
#include "test/lib/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_PIPES = 4, N_ROUNDS = 200, MARK = 0xAA };

static int pipes[N_PIPES][2];
static long n_written, n_read, n_foreign;

static void *allocate(void *arg)
{
	for (size_t i = 0; i < 50; i++) {
		void *volatile p = malloc(64 + i);

		free(p);
	}
	return arg;
}

// Allocates DEPTH pages down, where an unwinder meets addresses it has not
// tested yet. NOLINTNEXTLINE: recursion is the point
__attribute__((noinline)) static void deep(int depth)
{
	char pad[4096];

	memset(pad, depth, sizeof(pad));
	__asm__ volatile("" ::"r"(pad) : "memory");
	if (depth)
		deep(depth - 1);
	else
		free(malloc(10));
	__asm__ volatile("" ::"r"(pad) : "memory");
}

static void fill(void)
{
	const unsigned char mark = MARK;

	for (int i = 0; i < N_PIPES; i++)
		for (int k = 0; k < 4; k++)
			n_written += write(pipes[i][1], &mark, 1) == 1;
}

static void drain(void)
{
	unsigned char got[256];
	ssize_t n;

	for (int i = 0; i < N_PIPES; i++)
		while ((n = read(pipes[i][0], got, sizeof(got))) > 0)
			for (ssize_t k = 0; k < n; k++) {
				n_read += got[k] == MARK;
				n_foreign += got[k] != MARK;
			}
}

int main(void)
{
	pthread_t thread;

	free(malloc(10));
	closefrom(3);
	for (int i = 0; i < N_PIPES; i++)
		if (pipe2(pipes[i], O_NONBLOCK))
			return host_verdict(1, "pipe2");
	for (int round = 0; round < N_ROUNDS; round++) {
		fill();
		pthread_create(&thread, NULL, allocate, NULL);
		pthread_join(thread, NULL);
		deep(round % 40);
		drain();
	}
	return host_verdict(n_written != n_read || n_foreign,
			    "written=%ld read=%ld foreign=%ld", n_written,
			    n_read, n_foreign);
}
