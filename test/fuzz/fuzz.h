// SPDX-License-Identifier: Apache-2.0
//
// What every fuzz target of libFuzzer has: a promise that is checked, and seeds
// that the target makes itself, so that they follow the formats when these
// change. With FUZZ_SEEDS=FOLDER in the environment a target only writes its
// seeds there (test/fuzz/run does so first).
#ifndef CPROF_TEST_FUZZ_FUZZ_H
#define CPROF_TEST_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

// The target's own: calls fuzz_seed() for each of its seeds.
static void write_seeds(void);

#define REQUIRE(x)                                                         \
	((x) ? (void)0                                                     \
	     : (fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
			#x),                                               \
		abort()))

static void fuzz_seed(const char *name, const void *data, size_t n_bytes)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", getenv("FUZZ_SEEDS"), name);
	f = fopen(path, "wb");
	REQUIRE(f && fwrite(data, 1, n_bytes, f) == n_bytes && !fclose(f));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (getenv("FUZZ_SEEDS")) {
		write_seeds();
		exit(0);
	}
	return 0;
}

// The input, eaten from its front. An end that came too early reads as zeroes.
struct fuzz_input {
	const uint8_t *data;
	size_t n_bytes;
};

static inline size_t fuzz_take(struct fuzz_input *in, void *ret, size_t n_bytes)
{
	size_t n = n_bytes < in->n_bytes ? n_bytes : in->n_bytes;

	memset(ret, 0, n_bytes);
	if (n)
		memcpy(ret, in->data, n);
	in->data += n;
	in->n_bytes -= n;
	return n;
}

#endif
