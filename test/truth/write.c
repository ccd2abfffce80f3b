// SPDX-License-Identifier: Apache-2.0
//
// A profile too large for one piece of an answer: blocks under a thousand
// labels, asked for by cprof_write() as the file of the argument.
#include "preload/cprof.h"

#include <stdio.h>
#include <stdlib.h>

#define N_LABELS 1000

int main(int argc, char **argv)
{
	char value[32];

	for (unsigned i = 0; i < N_LABELS; i++) {
		unsigned outside;

		// Values that gzip can't make much smaller.
		snprintf(value, sizeof(value), "%08x", i * 2654435761u);
		outside = cprof_label("request", value);
		if (!malloc(100 + i))
			return 1;
		cprof_labels_use(outside);
	}
	printf("status %d\n", argc > 1 ? cprof_write("allocs", argv[1]) : -1);
	return 0;
}
