// SPDX-License-Identifier: Apache-2.0
//
// Description: asks cprofd's symboliser, by itself: ask FILE names each
// address of the ELF file FILE that comes on standard input, in hex. Answers
// as `addr2line -af` would: the address, then for each function, innermost
// first, a line of its linker name and one of file:line; all tools' "??" where
// nothing is known.
#include "collector/elf_file.h"
#include "collector/image.h"
#include "collector/sym.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(int argc, char **argv)
{
	struct image im = {0};
	uint64_t addr;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || elf_file_open(fd, argv[1], &im.file)) {
		fputs("ask: FILE, an ELF file, and addresses on stdin\n",
		      stderr);
		return 2;
	}
	im.path = argv[1];
	im.limit = UINT64_MAX;
	memcpy(im.build_id, im.file->build_id, sizeof(im.build_id));
	while (scanf("%" SCNx64, &addr) == 1)
		answer(&im, addr);
	elf_file_unref(im.file);
	return 0;
}
