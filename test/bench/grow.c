// SPDX-License-Identifier: Apache-2.0
//
// Usage: grow N: N arrays that grow by half of what they are, by realloc, from
// 16 bytes to 1 MiB, as a careless program's do: many bytes for few calls, so
// many samples.
#include <stdlib.h>

enum { FIRST_BYTES = 16, LAST_BYTES = 1 << 20 };

int main(int argc, char **argv)
{
	for (long n = argc > 1 ? atol(argv[1]) : 1000; n--;) {
		char *p = NULL;

		for (size_t size = FIRST_BYTES; size < LAST_BYTES;
		     size += size / 2) {
			p = realloc(p, size);
			p[size - 1] = 1;
		}
		free(p);
	}
	return 0;
}
