// SPDX-License-Identifier: Apache-2.0
//
// Usage: stacks DEPTH N_STACKS N [hold|wait]: N allocations of 64 bytes, DEPTH
// frames below main, from N_STACKS different stacks in turn; each is freed at
// once, or kept to the end with "hold". With heap.rate 1 each of them is a
// sample, so the cost of a sample by depth, and of many stacks, is what it
// takes. Prints "ready PID" when all are made, and with "hold" or "wait" waits
// for the end of its standard input.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 };

static bool is_held;
static volatile int sink;

static void left(unsigned long path, int depth);
static void right(unsigned long path, int depth);

// The bits of PATH choose the way down: that many different stacks.
static void go(unsigned long path, int depth)
{
	if (path & 1)
		left(path >> 1, depth);
	else
		right(path >> 1, depth);
}

static __attribute__((noinline)) void leaf(void)
{
	void *p = malloc(BLOCK_BYTES);

	if (!is_held)
		free(p);
	sink = sink + 1;
}

static __attribute__((noinline)) void left(unsigned long path, int depth)
{
	if (depth > 1)
		go(path, depth - 1);
	else
		leaf();
	sink = sink + 1;
}

static __attribute__((noinline)) void right(unsigned long path, int depth)
{
	if (depth > 1)
		go(path, depth - 1);
	else
		leaf();
	sink = sink + 2;
}

int main(int argc, char **argv)
{
	int depth = argc > 1 ? atoi(argv[1]) : 30;
	unsigned long n_stacks = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	unsigned long n = argc > 3 ? strtoul(argv[3], NULL, 10) : 1000;
	char byte;

	is_held = argc > 4 && !strcmp(argv[4], "hold");
	for (unsigned long i = 0; i < n; i++)
		go(i % n_stacks, depth);
	printf("ready %d\n", (int)getpid());
	fflush(stdout);
	while (argc > 4 && read(0, &byte, 1) > 0)
		;
	return 0;
}
