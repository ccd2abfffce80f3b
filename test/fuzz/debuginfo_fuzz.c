// SPDX-License-Identifier: Apache-2.0
//
// Description: any file as the ELF file of a program: names and lines are found
// in it or not; nothing crashes, hangs or leaks.
//
// The input is the file.
// fuzz: -max_len=65536
#include "collector/ctl_elf.h"
#include "collector/debuginfo.h"
#include "collector/demangle.h"
#include "collector/elf_file.h"

#include "test/fuzz/file.h"

#define LINES_MAX     64
#define ADDRESSES_MAX 256u
#define ADDRESS_STEP  24u

static unsigned n_lines; // found in all inputs

static void look_up(struct debuginfo *d, uint64_t vaddr)
{
	struct scopes_line lines[LINES_MAX];
	uint32_t n = debuginfo_lines(d, vaddr, LINES_MAX, lines);

	REQUIRE(n <= LINES_MAX);
	n_lines += n;
	for (uint32_t i = 0; i < n; i++) {
		// All text is there to be read.
		if (lines[i].name)
			free(demangle(lines[i].name));
		if (lines[i].linkage)
			free(demangle(lines[i].linkage));
		REQUIRE(!lines[i].file || strlen(lines[i].file) < SIZE_MAX);
	}
}

// What `cprofctl run` asks of a program.
static void look_as_client(const uint8_t *data, size_t n_bytes)
{
	int fd = file_make(data, n_bytes);
	struct ctl_elf elf;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ctl_elf_look(path, &elf);
	REQUIRE(strlen(elf.sanitizer) <= NAME_MAX);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct elf_file *file;
	struct debuginfo *d;

	look_as_client(data, n_bytes);
	if (elf_file_open(file_make(data, n_bytes), "/sample", &file))
		return 0;
	d = debuginfo_new(file, -1);
	for (uint32_t s = 0; d && s < file->n_segments; s++)
		for (uint64_t i = 0;
		     i < ADDRESSES_MAX &&
		     i * ADDRESS_STEP < file->segments[s].mem_bytes &&
		     file->segments[s].is_exec;
		     i++)
			look_up(d, file->segments[s].vaddr + i * ADDRESS_STEP);
	debuginfo_free(d);
	elf_file_unref(file);
	return 0;
}

static void write_seeds(void)
{
	static const char *const samples[] = {"dwarf5.so", "dwarf4.so",
					      "compressed.so", "stripped.so"};

	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		size_t n;
		uint8_t *bytes = file_sample(samples[i], &n);

		fuzz_seed(samples[i], bytes, n);
		n_lines = 0;
		LLVMFuzzerTestOneInput(bytes, n);
		REQUIRE(n_lines > 2);
		free(bytes);
	}
}
