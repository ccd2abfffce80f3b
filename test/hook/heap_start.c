// SPDX-License-Identifier: Apache-2.0
//
// The first block lies where it lies without a shim: nothing was taken from the
// program's heap before its main, not even by the loader on behalf of a library
// that asked it for a symbol there isn't. SQLite's tests of failing memory read
// what was there before, and count differently when blocks lie elsewhere.
#include "test/lib/host.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long bare_offset(const char *path)
{
	char command[4096], line[64] = "";
	FILE *f;

	snprintf(command, sizeof(command), "env -u LD_PRELOAD '%s' where",
		 path);
	f = popen(command, "r");
	if (f) {
		if (!fgets(line, sizeof(line), f))
			line[0] = '\0';
		pclose(f);
	}
	return line[0] ? strtol(line, NULL, 10) : -1;
}

int main(int argc, char **argv)
{
	void *first = malloc(40);
	// The heap begins on a page.
	long offset = (long)((uintptr_t)first & 4095), bare;

	if (argc > 1 && !strcmp(argv[1], "where")) {
		printf("%ld\n", offset);
		return 0;
	}
	bare = bare_offset(argv[0]);
	return host_verdict(bare < 0 || offset != bare,
			    "the first block is at %ld, bare at %ld", offset,
			    bare);
}
