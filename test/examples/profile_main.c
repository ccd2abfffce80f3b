// SPDX-License-Identifier: Apache-2.0
//
// One line in main: cpu.pb.gz and heap.pb.gz lie in the working directory at
// the end.
#include <cprof.h>

#include <stdlib.h>

static volatile unsigned sink;

int main(void)
{
	CPROF_PROFILE_MAIN("cpu,heap");

	for (unsigned i = 0; i < 200000000; i++)
		sink = sink + i;
	return !malloc(10000000);
}
