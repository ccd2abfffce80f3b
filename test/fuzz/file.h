// SPDX-License-Identifier: Apache-2.0
//
// For fuzz targets that read files: an input as a file in memory, and the
// sample programs of test/fuzz/sample/ as seeds.
#ifndef CPROF_TEST_FUZZ_FILE_H
#define CPROF_TEST_FUZZ_FILE_H

#include "test/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

// A descriptor of a file with these bytes.
static inline int file_make(const void *bytes, size_t n_bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	REQUIRE(fd >= 0);
	REQUIRE(write(fd, bytes, n_bytes) == (ssize_t)n_bytes);
	return fd;
}

// The bytes of sample NAME, made by the Makefile; to be freed.
static inline uint8_t *file_sample(const char *name, size_t *ret_n_bytes)
{
	static const size_t most = 1 << 20;
	uint8_t *bytes = malloc(most);
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/sample/%s", getenv("FUZZ_FILES"),
		 name);
	f = fopen(path, "rb");
	REQUIRE(f && bytes);
	*ret_n_bytes = fread(bytes, 1, most, f);
	REQUIRE(*ret_n_bytes && *ret_n_bytes < most);
	fclose(f);
	return bytes;
}

#endif
