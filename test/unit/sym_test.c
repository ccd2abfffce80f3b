// SPDX-License-Identifier: Apache-2.0
//
// Description: names of this program's own functions: the inline chain with
// files and lines, static functions, C++ and Rust names demangled, symbols
// without DWARF (a stripped copy), addresses that belong to nobody.
#include "collector/sym.h"

#include "collector/demangle.h"

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

static struct images *images;

static inline __attribute__((always_inline)) int inner(int x)
{
	__asm__ volatile("nop; .globl inner_here; inner_here: nop; nop"
			 : "+r"(x));
	return x;
}
enum { INNER_LINE = __LINE__ - 4 };
extern char inner_here[];

static inline __attribute__((always_inline)) int middle(int x)
{
	return inner(x + 1) * 3;
}
enum { MIDDLE_LINE = __LINE__ - 2 };

static __attribute__((noinline, used)) int outer(int x)
{
	return middle(x) - 1;
}
enum { OUTER_LINE = __LINE__ - 2 };

static uint32_t look(const void *addr, struct sym_line *lines)
{
	uint32_t id = images_find(images, (uint64_t)addr, 0);

	assert_int_not_equal(id, 0);
	return sym_lookup(images_get(images, id), (uint64_t)addr, lines);
}

static int setup(void **state)
{
	(void)state;
	images = images_new(open("/proc/self/maps", O_RDONLY | O_CLOEXEC),
			    (uint32_t)getpid(), (uint64_t)outer);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	images_free(images);
	return 0;
}

static void test_inline_chain(void **state)
{
	struct sym_line lines[SYM_INLINE_MAX];

	(void)state;
	for (int round = 0; round < 2; round++) { // second: from the cache
		assert_int_equal(look(inner_here, lines), 3);
		assert_string_equal(lines[0].name, "inner");
		assert_string_equal(lines[1].name, "middle");
		assert_string_equal(lines[2].name, "outer");
		assert_int_equal(lines[0].line, INNER_LINE);
		assert_int_equal(lines[1].line, MIDDLE_LINE);
		assert_int_equal(lines[2].line, OUTER_LINE);
		assert_int_equal(lines[2].start_line, OUTER_LINE - 2);
		for (int i = 0; i < 3; i++)
			assert_non_null(strstr(lines[i].file, "sym_test.c"));
	}
}

static void test_libc(void **state)
{
	struct sym_line lines[SYM_INLINE_MAX];
	uint32_t n = look((const char *)malloc + 1, lines);

	(void)state;
	assert_in_range(n, 1, SYM_INLINE_MAX);
	assert_string_equal(lines[n - 1].name, "malloc");
}

// The vdso has no file; its symbols are read from the process.
static void test_vdso(void **state)
{
	struct sym_line lines[SYM_INLINE_MAX];
	const struct image *vdso = NULL;
	unsigned n_named = 0;

	(void)state;
	for (uint32_t i = 1; i <= images_count(images); i++)
		if (!strcmp(images_get(images, i)->path, "[vdso]"))
			vdso = images_get(images, i);
	if (!vdso) {
		print_message("no vdso here\n");
		skip();
	}
	assert_non_null(vdso->file);
	for (uint64_t at = vdso->start; at < vdso->limit; at += 16)
		n_named += sym_lookup(vdso, at, lines) > 0;
	assert_in_range(n_named, 1, (vdso->limit - vdso->start) / 16 - 1);
}

// Maps a stripped copy of this program's code; returns where.
static char *map_stripped(char *path)
{
	char command[256];
	const struct image *im =
		images_get(images, images_find(images, (uint64_t)outer, 0));
	char *at;
	int fd;

	close(mkstemp(path));
	snprintf(command, sizeof(command),
		 "strip -g -o %s /proc/%d/exe 2>/dev/null", path, getpid());
	if (system(command) != 0)
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	at = mmap(NULL, im->limit - im->start, PROT_READ | PROT_EXEC,
		  MAP_PRIVATE, fd, (off_t)im->file_offset);
	close(fd);
	images_refresh(images, 0);
	return at == MAP_FAILED ? NULL
				: at + ((char *)outer - (char *)im->start);
}

static void test_symbols_only(void **state)
{
	char path[] = "/tmp/sym_test-XXXXXX";
	struct sym_line lines[SYM_INLINE_MAX];
	const char *outer_copy = map_stripped(path);

	(void)state;
	if (!outer_copy) {
		unlink(path);
		print_message("no strip(1) here\n");
		skip();
	}
	assert_int_equal(look(outer_copy + 1, lines), 1);
	assert_string_equal(lines[0].name, "outer");
	unlink(path);
}

static void test_demangle(void **state)
{
	static const char *const pairs[][2] = {
		{"_ZNSt6vectorIiSaIiEE9push_backERKi",
		 "std::vector<int, std::allocator<int> >::push_back(int "
		 "const&)"},
		{"_Znwm", "operator new(unsigned long)"},
		{"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
		{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE",
		 "core::fmt::Formatter::pad"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char *name = demangle(pairs[i][0]);
		assert_non_null(name);
		assert_non_null(strstr(name, pairs[i][1]));
		free(name);
	}
	assert_null(demangle("main"));
	assert_null(demangle("_Zgarbage"));
	assert_null(demangle(""));
}

// Every address of every image: no crash, and some without a name.
static void test_all_addresses(void **state)
{
	struct sym_line lines[SYM_INLINE_MAX];
	unsigned n_named = 0, n_nameless = 0;

	(void)state;
	for (uint32_t i = 1; i <= images_count(images); i++) {
		const struct image *im = images_get(images, i);
		for (uint64_t at = im->start; at < im->limit; at += 997)
			if (sym_lookup(im, at, lines) > 0)
				n_named++;
			else
				n_nameless++;
	}
	print_message("%u addresses with a name, %u without\n", n_named,
		      n_nameless);
	assert_in_range(n_named, 500, UINT32_MAX);
	assert_in_range(n_nameless, 1, UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_inline_chain, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_libc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vdso, setup, teardown),
		cmocka_unit_test_setup_teardown(test_symbols_only, setup,
						teardown),
		cmocka_unit_test(test_demangle),
		cmocka_unit_test_setup_teardown(test_all_addresses, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
