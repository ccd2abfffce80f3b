// SPDX-License-Identifier: Apache-2.0
//
// Every way to take, resize and give back memory, the failing ones too. Good:
// at the end exactly 7 objects of 10,700 bytes made by main() are live, and the
// heap profile at rate 1 says so.
#include "test/lib/host.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

// C23's, which libc doesn't have yet: whoever preloads them, has them.
extern void free_sized(void *p, size_t n) __attribute__((weak));
extern void free_aligned_sized(void *p, size_t align, size_t n)
	__attribute__((weak));

static volatile size_t huge = (size_t)1 << 62;

static void free_by_realloc(void)
{
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(100);

		p = realloc(p, 0); // frees, in glibc
		free(p);
	}
}

static void aligned_and_freed(void)
{
	void *p = NULL;

	if (!posix_memalign(&p, 64, 77))
		free(p);
	free(aligned_alloc(64, 128));
	free(memalign(64, 128));
	free(valloc(10));
	free(pvalloc(10));
	free(strdup("hello"));
	p = NULL;
	if (asprintf((char **)&p, "%d", 7) > 0)
		free(p);
	free(malloc(0));
	free(calloc(huge, huge));
	free(NULL);
}

static void freed_with_size(void)
{
	void *one = malloc(100), *other = aligned_alloc(64, 128);

	if (free_sized)
		free_sized(one, 100);
	else
		free(one);
	if (free_aligned_sized)
		free_aligned_sized(other, 64, 128);
	else
		free(other);
}

// GCC can't know that these live on.
static void *volatile live[7];

int main(void)
{
	void *failed;

	free_by_realloc();
	aligned_and_freed();
	freed_with_size();
	live[0] = malloc(100); // a failed realloc leaves the old block
	failed = realloc(live[0], huge);
	live[1] = malloc(200); // and so does an overflow
	failed = failed ? failed : reallocarray(live[1], huge, huge);
	live[2] = malloc(5000);
	live[2] = realloc(live[2], 300);
	live[3] = malloc(10);
	live[3] = realloc(live[3], 9000);
	live[4] = realloc(NULL, 400);
	live[5] = calloc(10, 50);
	live[6] = malloc(200);
	// No stdio: its buffer would be an eighth object.
	(void)!write(1, failed ? "BAD\n" : "ok\n", failed ? 4 : 3);
	_exit(failed != NULL);
}
