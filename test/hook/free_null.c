// SPDX-License-Identifier: Apache-2.0
//
// free(NULL) among so many live blocks that the filter has NULL's place, too:
// it frees nothing, and is no reason to forget a block.
#include <stdlib.h>
#include <unistd.h>

enum { N_BLOCKS = 300000, N_NULLS = 2000, EVERY = 1000 };

// GCC can't know that these live on.
static void *volatile blocks[N_BLOCKS];

static void fill(void)
{
	for (int i = 0; i < N_BLOCKS; i++)
		blocks[i] = malloc(24);
}

static void free_most(void)
{
	for (int i = 0; i < N_BLOCKS; i++)
		if (i % EVERY)
			free(blocks[i]);
}

int main(void)
{
	void *volatile none = NULL;

	fill();
	for (int i = 0; i < N_NULLS; i++)
		free(none);
	free_most();
	(void)!write(1, "ok\n", 3);
	_exit(0);
}
