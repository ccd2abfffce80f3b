// SPDX-License-Identifier: Apache-2.0
//
// Description: asks cprofd's symboliser, by itself: ask FILE names each
// address of the ELF file FILE that comes on standard input, in hex. Answers
// as `addr2line -af` would: the address, then for each function, innermost
// first, a line of its linker name and one of file:line; "??" where nothing is
// known. ask FILE twice: answers nothing, but asks all of them two times and
// says what each round took, in CPU time, and the memory at its end.
#include "collector/elf_file.h"
#include "collector/image.h"
#include "collector/sym.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define ADDRESSES_MAX 1000000u

static uint64_t addresses[ADDRESSES_MAX];
static size_t n_addresses;

static void answer(const struct image *im, uint64_t addr)
{
	struct sym_line lines[SYM_INLINE_MAX];
	uint32_t n = sym_lookup(im, addr, lines);

	printf("0x%016" PRIx64 "\n", addr);
	if (n == 0)
		puts("??\n??:0");
	for (uint32_t i = 0; i < n; i++)
		printf("%s\n%s:%" PRId64 "\n", lines[i].system_name,
		       lines[i].file[0] ? lines[i].file : "??", lines[i].line);
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void look_up_all(const struct image *im, const char *round)
{
	struct sym_line lines[SYM_INLINE_MAX];
	double start_s = cpu_s();
	struct rusage usage;
	uint32_t n_lines = 0;

	for (size_t i = 0; i < n_addresses; i++)
		n_lines += sym_lookup(im, addresses[i], lines);
	getrusage(RUSAGE_SELF, &usage);
	printf("%s_s %.3f\n%s_lines %u\n%s_kib %ld\n", round, cpu_s() - start_s,
	       round, n_lines, round, usage.ru_maxrss);
}

int main(int argc, char **argv)
{
	struct image im = {0};
	bool is_twice = argc == 3 && !strcmp(argv[2], "twice");
	int fd = argc == 2 || is_twice ? open(argv[1], O_RDONLY | O_CLOEXEC)
				       : -1;

	if (fd < 0 || elf_file_open(fd, argv[1], &im.file)) {
		fputs("usage: ask FILE [twice] <ADDRESSES\n", stderr);
		return 2;
	}
	im.path = argv[1];
	im.limit = UINT64_MAX;
	memcpy(im.build_id, im.file->build_id, sizeof(im.build_id));
	while (n_addresses < ADDRESSES_MAX &&
	       scanf("%" SCNx64, &addresses[n_addresses]) == 1)
		n_addresses++;
	if (is_twice) {
		look_up_all(&im, "cold");
		look_up_all(&im, "warm");
	}
	for (size_t i = 0; i < n_addresses && !is_twice; i++)
		answer(&im, addresses[i]);
	elf_file_unref(im.file);
	return 0;
}
