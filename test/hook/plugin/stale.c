// SPDX-License-Identifier: Apache-2.0
//
// Library N of six (-DN=0..5): its functions lie at the same offsets as those
// of the others, and have frames of other sizes.
#include <alloca.h>
#include <stdlib.h>
#include <string.h>

#ifndef N
#define N 0
#endif
#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)
#define INNER	     PASTE(inner_, N)
#define WORK	     PASTE(work_, N)

void INNER(int depth);
void WORK(int n);

__attribute__((noinline, aligned(4096))) void INNER(int depth)
{
	volatile char pad[16 + N * N * 997];
	void *volatile p;

	pad[0] = (char)depth;
#if N % 2
	memset(alloca(64 + (size_t)depth * 16), 0x41, 64 + (size_t)depth * 16);
#endif
	p = malloc(100 + (size_t)depth);
	free(p);
	if (depth > 0)
		INNER(depth - 1);
	for (volatile int i = 0; i < 10000; i = i + 1)
		;
	pad[1] = pad[0];
}

__attribute__((aligned(4096))) void WORK(int n)
{
	volatile char pad[32 + N * 333];

	pad[1] = 1;
	INNER(n % 7);
	pad[0] = pad[1];
}
