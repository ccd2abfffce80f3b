// SPDX-License-Identifier: Apache-2.0
//
// Description: a program whose heap has much free memory in the middle, which
// libc does not give back by itself. It sleeps until it is told what to do next
// by a character on its stdin: 'a' allocates a little, 'f' fills and empties
// the heap again, 'b' begins to allocate without end; and ends with its stdin.
//
// Known of it: FREE_BYTES are free below the block that is kept.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 1000u
#define FREE_BYTES  (64u << 20)
#define N_BLOCKS    (FREE_BYTES / BLOCK_BYTES)

static void *blocks[N_BLOCKS];
static void *volatile kept;

static void fill_and_empty(void)
{
	for (unsigned i = 0; i < N_BLOCKS; i++)
		blocks[i] = memset(malloc(BLOCK_BYTES), 1, BLOCK_BYTES);
	free(kept);
	kept = malloc(BLOCK_BYTES);
	for (unsigned i = 0; i < N_BLOCKS; i++)
		free(blocks[i]);
}

static void allocate(void)
{
	free(memset(malloc(BLOCK_BYTES), 1, BLOCK_BYTES));
}

static void *allocate_without_end(void *arg)
{
	for (;;) {
		allocate();
		usleep(100);
	}
	return arg;
}

int main(void)
{
	pthread_t t;
	char c;

	fill_and_empty();
	for (;;) {
		printf("ready\n");
		fflush(stdout);
		if (read(0, &c, 1) <= 0)
			return 0;
		if (c == 'b')
			pthread_create(&t, NULL, allocate_without_end, NULL);
		else if (c == 'f')
			fill_and_empty();
		else
			for (int i = 0; i < 100; i++)
				allocate();
	}
}
