// SPDX-License-Identifier: Apache-2.0
//
// Usage: live N M: keeps N blocks of 64 bytes, replaces one of them at random M
// times, prints "ready" and waits for the end of its standard input. With
// heap.rate 1 that is what a heap of N live samples costs.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 };

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	size_t n_times = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	void **blocks = calloc(n ? n : 1, sizeof(*blocks));
	uint64_t random = 88172645463325252u;
	char byte;

	if (!n || !blocks)
		return 1;
	for (size_t i = 0; i < n; i++)
		blocks[i] = malloc(BLOCK_BYTES);
	for (size_t i = 0; i < n_times; i++) {
		void **block;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		block = &blocks[random % n];
		free(*block);
		*block = malloc(BLOCK_BYTES);
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
