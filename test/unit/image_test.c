// SPDX-License-Identifier: Apache-2.0
//
// Description: images of a real child process that loads and unloads libraries:
// an address keeps the meaning it had at its generation, unknown stays unknown,
// a deleted file is still had; and the rules of lives, one by one.
#include "collector/image.h"

#include "collector/elf_file.h"
#include "collector/lives.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// Essential on Debian, and nothing here is linked with it.
#define LIBRARY	 "libcrypt.so.1"
#define FUNCTION "crypt"

// What the child tells after each command.
struct answer {
	uint64_t addr; // of FUNCTION, or of anonymous code
	uint64_t bias;
	char path[256];
};

struct child {
	pid_t pid;
	int commands;
	int answers;
	struct images *images;
};

static void *child_handle;

static struct answer load(const char *name)
{
	struct answer a = {0};
	struct link_map *map;

	child_handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!child_handle)
		_exit(3);
	a.addr = (uint64_t)dlsym(child_handle, FUNCTION);
	dlinfo(child_handle, RTLD_DI_LINKMAP, &map);
	a.bias = map->l_addr;
	snprintf(a.path, sizeof(a.path), "%s", map->l_name);
	return a;
}

static struct answer obey(char command)
{
	static char copy[] = "/tmp/image_test-XXXXXX";
	struct answer a = {0};
	char line[512];

	switch (command) {
	case 'l':
		return load(LIBRARY);
	case 'u':
		dlclose(child_handle);
		break;
	case 'd': // a library whose file is gone when it is looked at
		a = load(LIBRARY);
		dlclose(child_handle);
		close(mkstemp(copy));
		snprintf(line, sizeof(line), "cp -L %s %s", a.path, copy);
		if (system(line) != 0)
			_exit(4);
		a = load(copy);
		unlink(copy);
		return a;
	case 'a':
		a.addr = (uint64_t)mmap(NULL, 8192, PROT_READ | PROT_EXEC,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		break;
	}
	return a;
}

static void child_main(int commands, int answers)
{
	char command;

	while (read(commands, &command, 1) == 1) {
		struct answer a = obey(command);
		if (write(answers, &a, sizeof(a)) != sizeof(a))
			break;
	}
	_exit(0);
}

static int open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int setup(void **state)
{
	struct child *c = calloc(1, sizeof(*c));
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0)
		return -1;
	c->pid = fork();
	if (c->pid == 0) {
		close(to[1]);
		child_main(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	c->commands = to[1];
	c->answers = from[0];
	c->images = images_new(open_proc(c->pid, "maps"), (uint32_t)c->pid,
			       (uint64_t)child_main);
	*state = c;
	return 0;
}

static void end_child(struct child *c)
{
	if (c->commands >= 0)
		close(c->commands);
	c->commands = -1;
	if (c->pid > 0)
		waitpid(c->pid, NULL, 0);
	c->pid = 0;
}

static int teardown(void **state)
{
	struct child *c = *state;

	end_child(c);
	close(c->answers);
	images_free(c->images);
	free(c);
	return 0;
}

static struct answer tell(struct child *c, char command)
{
	struct answer a;

	assert_int_equal(write(c->commands, &command, 1), 1);
	assert_int_equal(read(c->answers, &a, sizeof(a)), sizeof(a));
	return a;
}

static const struct image *find(struct child *c, uint64_t addr,
				uint32_t generation)
{
	uint32_t id = images_find(c->images, addr, generation);

	return id ? images_get(c->images, id) : NULL;
}

static void test_main_program(void **state)
{
	const struct image *im = find(*state, (uint64_t)child_main, 0);

	assert_non_null(im);
	assert_true(im->is_main);
	assert_non_null(strstr(im->path, "image_test"));
	assert_int_equal(strlen(im->build_id), 40);
	assert_non_null(im->file);
	assert_true(im->file->n_fdes > 10);
	im = find(*state, (uint64_t)gnu_get_libc_version, 0);
	assert_false(im->is_main);
	assert_non_null(strstr(im->path, "libc.so.6"));
	assert_null(find(*state, 0x1000, 0));
}

static void test_load_and_unload(void **state)
{
	struct child *c = *state;
	struct answer a = tell(c, 'l');
	const struct image *im;
	uint32_t epoch = images_epoch(c->images);

	assert_null(find(c, a.addr, 0));
	images_refresh(c->images, 0);
	im = find(c, a.addr, 0);
	assert_non_null(im);
	assert_non_null(strstr(im->path, "libcrypt.so"));
	assert_int_equal(im->bias, a.bias);
	assert_int_equal(images_epoch(c->images), epoch);
	tell(c, 'u');
	images_refresh(c->images, 2);
	assert_int_not_equal(images_epoch(c->images), epoch);
	assert_ptr_equal(find(c, a.addr, 0), im);
	assert_null(find(c, a.addr, 2));
}

// Loaded and gone between two looks: only the unload record knows.
static void test_never_seen(void **state)
{
	struct child *c = *state;
	struct answer a = tell(c, 'l');
	const struct image *im;

	tell(c, 'u');
	images_refresh(c->images, 2);
	assert_null(find(c, a.addr, 0));
	images_unloaded(c->images, a.path, a.bias, 1);
	im = find(c, a.addr, 0);
	assert_non_null(im);
	assert_non_null(strstr(im->path, "libcrypt.so"));
	assert_int_equal(im->bias, a.bias);
	assert_true(a.addr >= im->start && a.addr < im->limit);
	assert_null(find(c, a.addr, 2));
}

static void test_same_again(void **state)
{
	struct child *c = *state;
	uint32_t n = 0, id = 0;

	for (uint32_t i = 0; i < 10; i++) {
		struct answer a = tell(c, 'l');
		images_refresh(c->images, 2 * i);
		id = images_find(c->images, a.addr, 2 * i);
		assert_int_not_equal(id, 0);
		tell(c, 'u');
		images_refresh(c->images, 2 * i + 2);
		if (i == 0)
			n = images_count(c->images);
	}
	// Wherever the loader puts it: no new image at each round.
	assert_in_range(images_count(c->images), n, n + 3);
}

static void test_deleted_file(void **state)
{
	struct child *c = *state;
	struct answer a = tell(c, 'd');
	const struct image *im;

	images_refresh(c->images, 2);
	im = find(c, a.addr, 2);
	assert_non_null(im);
	assert_string_equal(im->path, a.path);
	if (!im->file) {
		print_message("map_files is for root: no file\n");
		skip();
	}
	assert_int_equal(im->bias, a.bias);
	assert_int_not_equal(im->file->n_fdes, 0);
}

static void test_anonymous(void **state)
{
	struct child *c = *state;
	struct answer a = tell(c, 'a');
	const struct image *im;

	images_refresh(c->images, 0);
	im = find(c, a.addr, 0);
	assert_non_null(im);
	assert_string_equal(im->path, "//anon");
	assert_null(im->file);
}

// maps of a dead process reads empty: what was known stays.
static void test_dead_process(void **state)
{
	struct child *c = *state;

	end_child(c);
	images_refresh(c->images, 4);
	assert_non_null(find(c, (uint64_t)child_main, 0));
	assert_non_null(find(c, (uint64_t)child_main, 4));
}

static void add_life(struct lives *l, uint32_t image, uint32_t generation)
{
	struct life life = {
		.start = 0x1000,
		.limit = 0x2000,
		.image = image,
		.first_seen = generation,
		.last_seen = generation,
		.until = LIFE_OPEN,
	};

	lives_begin(l);
	assert_int_equal(lives_add(l, &life), 0);
	lives_end(l);
	assert_true(lives_check(l));
}

static void test_life_replaced(void **state)
{
	struct lives l = {0};

	(void)state;
	add_life(&l, 1, 0);
	assert_int_equal(lives_find(&l, 0x1fff, 0), 1);
	assert_int_equal(lives_find(&l, 0x2000, 0), 0);
	assert_int_equal(lives_find(&l, 0x1000, 100), 1);
	add_life(&l, 2, 6);
	assert_int_equal(lives_find(&l, 0x1000, 0), 1);
	assert_int_equal(lives_find(&l, 0x1000, 1), 1); // the dlclose itself
	assert_int_equal(lives_find(&l, 0x1000, 2), 0); // which of the two?
	assert_int_equal(lives_find(&l, 0x1000, 4), 0);
	assert_int_equal(lives_find(&l, 0x1000, 6), 2);
	// The unload record settles it.
	assert_true(lives_unload(&l, 1, 3));
	assert_int_equal(lives_find(&l, 0x1000, 2), 1);
	assert_int_equal(lives_find(&l, 0x1000, 4), 0);
	lives_fini(&l);
}

static void test_life_contested(void **state)
{
	struct lives l = {0};

	(void)state;
	// Both were seen at generation 2: a look raced with a dlclose.
	add_life(&l, 1, 2);
	add_life(&l, 2, 2);
	assert_int_equal(lives_find(&l, 0x1000, 2), 0);
	assert_int_equal(lives_find(&l, 0x1000, 4), 2);
	assert_true(lives_unload(&l, 1, 3));
	assert_int_equal(lives_find(&l, 0x1000, 2), 1);
	lives_fini(&l);
}

static void test_life_announced_but_stays(void **state)
{
	struct lives l = {0};
	struct life *life;

	(void)state;
	add_life(&l, 1, 0);
	assert_true(lives_unload(&l, 1, 1));
	assert_int_equal(lives_find(&l, 0x1000, 2), 0);
	lives_begin(&l);
	life = lives_at(&l, 0x1000, 0x2000);
	assert_non_null(life);
	lives_keep(life, 2);
	assert_int_equal(lives_end(&l), 0);
	assert_int_equal(lives_find(&l, 0x1000, 2), 1);
	assert_true(lives_check(&l));
	lives_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_main_program, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_load_and_unload, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_never_seen, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_same_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_deleted_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_anonymous, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_dead_process, setup,
						teardown),
		cmocka_unit_test(test_life_replaced),
		cmocka_unit_test(test_life_contested),
		cmocka_unit_test(test_life_announced_but_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
