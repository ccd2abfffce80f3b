// SPDX-License-Identifier: Apache-2.0
//
// A main for LLVMFuzzerTestOneInput, so that a fuzz target runs without clang:
// it mutates seeds for some seconds (FUZZ_SECONDS, default 5) with a fixed or
// given random seed (FUZZ_SEED), which it prints, so that a crash can be
// repeated. Files named on the command line are run as they are instead.
#ifndef CPROF_TEST_FUZZ_DRIVE_H
#define CPROF_TEST_FUZZ_DRIVE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

#define DRIVE_INPUT_BYTES 70000u

struct drive_seed {
	const void *data;
	size_t n_bytes;
};

static uint64_t drive_state;

static uint64_t drive_random(void)
{
	drive_state ^= drive_state << 13;
	drive_state ^= drive_state >> 7;
	drive_state ^= drive_state << 17;
	return drive_state;
}

static const uint64_t drive_values[] = {0,
					1,
					7,
					8,
					47,
					48,
					49,
					0x7f,
					0xff,
					0x1000,
					0x4000,
					0x41f8,
					0x4200,
					0x7fffffff,
					0x80000000,
					0xffffffff,
					0xffffffffffffffff};

// Overwrites a few bytes, or a word with a number that is often a border.
static void drive_mutate(uint8_t *input, size_t n_bytes)
{
	size_t n = n_bytes ? drive_random() % 8 : 0;

	while (n--) {
		size_t at = drive_random() % n_bytes;
		uint64_t value = drive_values[drive_random() %
					      (sizeof(drive_values) / 8)];
		size_t width = (size_t)1 << drive_random() % 4;

		if (drive_random() % 2)
			value = drive_random();
		if (width > n_bytes - at)
			width = n_bytes - at;
		memcpy(input + at, &value, width);
	}
}

static int drive_file(const char *name)
{
	static uint8_t input[DRIVE_INPUT_BYTES];
	FILE *f = fopen(name, "rb");
	size_t n;

	if (!f) {
		perror(name);
		return 1;
	}
	n = fread(input, 1, sizeof(input), f);
	fclose(f);
	return LLVMFuzzerTestOneInput(input, n);
}

static double drive_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int drive(const struct drive_seed *seeds, size_t n_seeds)
{
	const char *seconds = getenv("FUZZ_SECONDS");
	const char *seed = getenv("FUZZ_SEED");
	double until = drive_seconds() + (seconds ? atof(seconds) : 5);
	unsigned long n = 0;

	drive_state =
		seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) << 20 | 1;
	printf("FUZZ_SEED=%llu\n", (unsigned long long)drive_state);
	fflush(stdout);
	for (; drive_seconds() < until; n++) {
		const struct drive_seed *s = &seeds[drive_random() % n_seeds];
		size_t n_bytes = s->n_bytes;
		uint8_t *input = malloc(n_bytes + 1);

		memcpy(input, s->data, n_bytes);
		drive_mutate(input, n_bytes);
		// A cut input is as likely as a whole one to find something.
		if (drive_random() % 4 == 0 && n_bytes)
			n_bytes = drive_random() % n_bytes;
		LLVMFuzzerTestOneInput(input, n_bytes);
		free(input);
	}
	printf("%lu inputs\n", n);
	return 0;
}

#endif
