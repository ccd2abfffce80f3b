// SPDX-License-Identifier: Apache-2.0
//
// Description: a file that is cut while it is mapped, or while its symbols are
// being looked up, does not end the process.
#include "collector/debuginfo.h"
#include "collector/elf_file.h"
#include "collector/sigbus.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int setup(void **state)
{
	(void)state;
	strcpy(path, "/tmp/cprof-sigbus-XXXXXX");
	close(mkstemp(path));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void test_mapping(void **state)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	volatile char *at;

	(void)state;
	sigbus_init(); // cmocka has put its own there
	assert_int_equal(ftruncate(fd, 3 * 4096), 0);
	assert_int_equal(pwrite(fd, "abc", 3, 4096), 3);
	at = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_int_equal(at[4096], 'a');
	assert_int_equal(ftruncate(fd, 0), 0);
	for (size_t i = 0; i < 3 * 4096; i++)
		assert_int_equal(at[i], 0);
	munmap((void *)at, 3 * 4096);
	close(fd);
}

static void copy_self(void)
{
	char command[128];

	snprintf(command, sizeof(command), "cp /proc/%d/exe '%s'", getpid(),
		 path);
	assert_int_equal(system(command), 0);
}

// Cut before, and in the middle of, a look through all of its code.
static void test_symbols(void **state)
{
	struct scopes_line lines[8];

	(void)state;
	sigbus_init();
	for (int cut_at = 0; cut_at < 3; cut_at++) {
		struct elf_file *file;
		struct debuginfo *d;

		copy_self();
		assert_int_equal(elf_file_open(open(path, O_RDONLY | O_CLOEXEC),
					       path, &file),
				 0);
		d = debuginfo_new(file, -1);
		assert_non_null(d);
		for (int i = 0; i < 3000; i++) {
			if (i == cut_at * 1000)
				assert_int_equal(truncate(path, cut_at * 10000),
						 0);
			debuginfo_lines(d, 0x4000 + 64 * (uint64_t)i, 8, lines);
		}
		debuginfo_free(d);
		elf_file_unref(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mapping, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symbols, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
