// SPDX-License-Identifier: Apache-2.0
//
// Usage: heap_exact [BLOCKS]. Known numbers of blocks by every way to get and
// give back memory, in four threads at once, some given back by another thread.
// Prints, per function that allocates, NAME_objects, NAME_bytes,
// NAME_live_objects, NAME_live_bytes; at rate 1 the profile must agree exactly.
#include "test/lib/host.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_THREADS = 4, N_BLOCKS = 500 };

static int n_blocks = N_BLOCKS;

#define OPAQUE __attribute__((noinline))

struct work {
	void *plain[N_BLOCKS];
	void *moved[N_BLOCKS];
	void *aligned[N_BLOCKS];
	void *zeroed[N_BLOCKS];
};
static struct work works[N_THREADS];

void by_malloc(struct work *w), by_realloc(struct work *w);
void by_memalign(struct work *w), by_calloc(struct work *w);

OPAQUE void by_malloc(struct work *w)
{
	for (int i = 0; i < n_blocks; i++)
		w->plain[i] = malloc(100);
}

// Each block is made by malloc elsewhere and grown here: the new size is this
// function's, the old block is gone.
OPAQUE void by_realloc(struct work *w)
{
	for (int i = 0; i < n_blocks; i++)
		w->moved[i] = realloc(w->moved[i], 3000);
}

OPAQUE void by_memalign(struct work *w)
{
	for (int i = 0; i < n_blocks; i++)
		switch (i % 3) {
		case 0:
			w->aligned[i] = memalign(64, 640);
			break;
		case 1:
			w->aligned[i] = aligned_alloc(128, 640);
			break;
		default:
			if (posix_memalign(&w->aligned[i], 256, 640))
				w->aligned[i] = NULL;
		}
}

OPAQUE void by_calloc(struct work *w)
{
	for (int i = 0; i < n_blocks; i++)
		w->zeroed[i] = calloc(7, 11);
}

static void before_realloc(struct work *w)
{
	for (int i = 0; i < n_blocks; i++)
		w->moved[i] = malloc(30);
}

static void *allocate(void *arg)
{
	struct work *w = arg;

	by_malloc(w);
	before_realloc(w);
	by_realloc(w);
	by_memalign(w);
	by_calloc(w);
	return NULL;
}

// Gives back a fifth of one thread's blocks in another thread.
static void *give_back(void *arg)
{
	struct work *w = arg;

	for (int i = 0; i < n_blocks; i += 5) {
		free(w->plain[i]);
		free(w->moved[i]);
		free(w->aligned[i]);
		free(w->zeroed[i]);
	}
	return NULL;
}

static void in_threads(void *(*run)(void *))
{
	pthread_t threads[N_THREADS];

	for (int i = 0; i < N_THREADS; i++)
		pthread_create(&threads[i], NULL, run, &works[i]);
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void print(const char *name, int size)
{
	const int n = N_THREADS * n_blocks, n_live = n - n / 5;

	printf("%s_objects %d\n%s_bytes %d\n", name, n, name, n * size);
	printf("%s_live_objects %d\n%s_live_bytes %d\n", name, n_live, name,
	       n_live * size);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		n_blocks = atoi(argv[1]);
	if (n_blocks < 5 || n_blocks > N_BLOCKS)
		return 2;
	in_threads(allocate);
	in_threads(give_back);
	print("by_malloc", 100);
	print("by_realloc", 3000);
	print("by_memalign", 640);
	print("by_calloc", 77);
	fflush(stdout);
	_exit(0);
}
