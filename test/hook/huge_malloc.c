// SPDX-License-Identifier: Apache-2.0
//
// A request no memory could serve fails, and counts for nothing: what follows
// is sampled as ever. Good: at rate 1 the profile has the 1,000 blocks of 1,000
// bytes that come after it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void *allocate_after(void);

__attribute__((noinline)) void *allocate_after(void)
{
	void *p = malloc(1000);

	__asm__ volatile("");
	return p;
}

int main(void)
{
	volatile size_t huge = (size_t)0xc000 << 48;

	if (malloc(huge) || calloc(huge, 3) || realloc(NULL, huge)) {
		puts("BAD");
		return 1;
	}
	for (int i = 0; i < 1000; i++)
		free(allocate_after());
	puts("ok");
	return 0;
}
