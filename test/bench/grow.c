// SPDX-License-Identifier: Apache-2.0
//
// Usage: grow N: N arrays that grow by half of what they are, by realloc, from
// 16 bytes to 1 MiB, and are filled: many bytes for few calls, so many samples.
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 16, LAST_BYTES = 1 << 20 };

int main(int argc, char **argv)
{
	for (long n = argc > 1 ? atol(argv[1]) : 1000; n--;) {
		char *p = NULL;

		size_t had = 0;

		for (size_t size = FIRST_BYTES; size < LAST_BYTES;
		     size += size / 2) {
			p = realloc(p, size);
			memset(p + had, 1, size - had);
			had = size;
		}
		free(p);
	}
	return 0;
}
