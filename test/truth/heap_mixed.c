// SPDX-License-Identifier: Apache-2.0
//
// Usage: heap_mixed SEED RATE. Allocates 4 GiB in blocks of 1 KiB to 256 KiB
// (as many of each octave), gives half of them back in random order, and prints
// the truth, and the variance that sampling at RATE has: a block of s bytes is
// seen with p = 1 - exp(-s/RATE) and weighs 1/p, so that a sum of v(s) has the
// variance v² (1-p)/p for each block.
#include "test/lib/host.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define TOTAL_BYTES ((uint64_t)4 << 30)
#define KEEP_MAX    (1u << 20)

struct sums {
	double objects;
	double bytes;
	double objects_variance;
	double bytes_variance;
};

static void *kept[KEEP_MAX];
static uint64_t state;

void *allocate(size_t n_bytes);

__attribute__((noinline)) void *allocate(size_t n_bytes)
{
	void *p = malloc(n_bytes);

	__asm__ volatile("");
	return p;
}

// xorshift64*: of the program, not of the C library that is hooked.
static double draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (double)((state * 2685821657736338717ull) >> 11) /
	       9007199254740992.0;
}

static void count(struct sums *s, double n_bytes, double rate)
{
	double p = 1 - exp(-n_bytes / rate);
	double variance = (1 - p) / p;

	s->objects += 1;
	s->bytes += n_bytes;
	s->objects_variance += variance;
	s->bytes_variance += n_bytes * n_bytes * variance;
}

static void print(const char *name, const struct sums *s)
{
	printf("%s_objects %.0f\n%s_space %.0f\n", name, s->objects, name,
	       s->bytes);
	printf("%s_objects_se %.3f\n%s_space_se %.3f\n", name,
	       sqrt(s->objects_variance), name, sqrt(s->bytes_variance));
}

int main(int argc, char **argv)
{
	double rate = argc > 2 ? atof(argv[2]) : 524288;
	struct sums all = {0}, live = {0};
	unsigned n_kept = 0;

	state = argc > 1 ? strtoull(argv[1], NULL, 10) * 0x9E3779B97F4A7C15ull
			 : 1;
	while (all.bytes < (double)TOTAL_BYTES) {
		size_t n_bytes = (size_t)(1024 * pow(256, draw()));
		void *p = allocate(n_bytes);

		count(&all, (double)n_bytes, rate);
		if (draw() < 0.5 && n_kept < KEEP_MAX) {
			kept[n_kept++] = p;
			count(&live, (double)n_bytes, rate);
		} else {
			free(p);
		}
	}
	print("alloc", &all);
	print("inuse", &live);
	fflush(stdout);
	_exit(n_kept == 0); // what is kept stays in use to the end
}
