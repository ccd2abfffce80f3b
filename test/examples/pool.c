// SPDX-License-Identifier: Apache-2.0
//
// A pool whose blocks show in the heap profiles by who took them, and whose
// chunks don't.
#include <cprof.h>

#include <stdlib.h>

#define BLOCK_BYTES 256
#define N_BLOCKS    4096

static int pool;

static char *take_block(void)
{
	static char *chunk;
	static int n_taken = N_BLOCKS;

	if (n_taken == N_BLOCKS) {
		int was_paused = cprof_heap_pause(1);

		chunk = malloc((size_t)BLOCK_BYTES * N_BLOCKS);
		cprof_heap_pause(was_paused);
		n_taken = 0;
	}
	if (!chunk)
		return NULL;
	cprof_heap_alloc(pool, chunk + n_taken * BLOCK_BYTES, BLOCK_BYTES);
	return chunk + n_taken++ * BLOCK_BYTES;
}

int main(void)
{
	pool = cprof_register_heap("blocks");
	for (int i = 0; i < 40000; i++)
		if (!take_block())
			return 1;
	return 0;
}
