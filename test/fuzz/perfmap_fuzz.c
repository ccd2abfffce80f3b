// SPDX-License-Identifier: Apache-2.0
//
// Description: any text as the perf-PID.map of a process, in two pieces: every
// name found is a piece of it, and what is written later holds.
//
// The input is the file; its first byte tells where the second piece begins.
// fuzz: -max_len=8192
#include "collector/perfmap.h"

#include "test/fuzz/fuzz.h"

#define NAME_BYTES 64

static unsigned n_found; // in all inputs

static void look_at(struct perfmap *m, uint64_t addr)
{
	char name[NAME_BYTES];

	if (!perfmap_find(m, addr, name, sizeof(name)))
		return;
	n_found++;
	REQUIRE(name[0] && strlen(name) < sizeof(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static const char line[] = "\n7000 10 last\n";
	struct perfmap *m = perfmap_new(0); // nobody's: no file is looked for
	const char *text = (const char *)data + 1;
	size_t n_first;
	char name[NAME_BYTES];

	REQUIRE(m);
	if (n_bytes > 1) {
		n_first = data[0] % n_bytes;
		perfmap_feed(m, text, n_first);
		for (uint64_t addr = 0; addr < 0x8000; addr += 0x123)
			look_at(m, addr);
		perfmap_feed(m, text + n_first, n_bytes - 1 - n_first);
		look_at(m, UINT64_MAX);
	}
	for (uint64_t addr = 0; addr < 0x8000; addr += 0x321)
		look_at(m, addr);
	perfmap_feed(m, line, sizeof(line) - 1);
	REQUIRE(perfmap_find(m, 0x7005, name, sizeof(name)));
	REQUIRE(!strcmp(name, "last"));
	perfmap_unref(m);
	return 0;
}

static void write_seeds(void)
{
	static const char text[] = "\x60"
				   "1000 2000 LazyCompile:*fib /a.js:1\n"
				   "0x1100 0x10 Stub\n"
				   "1000 80 again, with blanks\n"
				   "x 1 y\n1 2\nffffffffffffffff ff z\n";

	n_found = 0;
	fuzz_seed("map", text, sizeof(text) - 1);
	LLVMFuzzerTestOneInput((const uint8_t *)text, sizeof(text) - 1);
	REQUIRE(n_found > 2);
}
