// SPDX-License-Identifier: Apache-2.0
//
// Description: each bound on what one process may have of the collector's is
// reached, and what is beyond it is left out, counted and harms nothing. (Rows,
// early frees and stacks are in agg_test.c and stacks_test.c; connections are
// in test/e2e/crowd_test.py and http_test.py.)
#include "collector/agg.h"
#include "collector/dump.h"
#include "collector/image.h"
#include "collector/stacks.h"
#include "collector/table.h"
#include "collector/threads.h"
#include "proto/limits.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cmocka.h>

static void test_live_samples(void **state)
{
	static struct agg a;
	const struct agg_key key = {4, 1, 0, 0};
	struct agg_alloc al = {.n_bytes = 8, .rate = 1, .is_tracked = true};

	(void)state;
	agg_init(&a);
	for (al.id = 1; al.id <= AGG_LIVE_MAX + 10ull; al.id++)
		agg_alloc(&a, key, &al);
	assert_int_equal(agg_n_live(&a), AGG_LIVE_MAX);
	assert_int_equal(a.n_live_overflow, 10);
	agg_fini(&a);
}

static void test_frames(void **state)
{
	static struct frame frames[STACK_DEPTH_MAX];
	static struct stacks s;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(stacks_init(&s), 0);
	do {
		frames[0].addr = ++n;
	} while (stacks_intern(&s, frames, STACK_DEPTH_MAX) != FRAME_OVERFLOW);
	assert_true(s.n_frames <= STACKS_FRAMES_MAX);
	assert_true(s.n_frames + STACK_DEPTH_MAX > STACKS_FRAMES_MAX);
	assert_int_equal(s.n_overflow, 1);
	assert_int_equal(stacks_check(&s), 0);
	stacks_fini(&s);
}

static void test_threads(void **state)
{
	static struct threads t;

	(void)state;
	threads_init(&t);
	for (uint32_t tid = 1; tid <= THREADS_MAX; tid++)
		assert_true(threads_see(&t, tid));
	assert_false(threads_see(&t, THREADS_MAX + 1));
	threads_name(&t, THREADS_MAX + 1, "late", 4);
	threads_end(&t, THREADS_MAX + 1);
	assert_int_equal(t.n, THREADS_MAX);
	threads_fini(&t);
}

static struct images *own_images(void)
{
	return images_new(open("/proc/self/maps", O_RDONLY | O_CLOEXEC),
			  (uint32_t)getpid(), (uint64_t)own_images);
}

// Every second page can be executed, so each is a mapping of its own.
static void test_images(void **state)
{
	const size_t n_pages = 2 * (IMAGES_MAX + 100);
	char *pages = mmap(NULL, n_pages * 4096, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct images *images;

	(void)state;
	assert_true(pages != MAP_FAILED);
	for (size_t i = 0; i < n_pages; i += 2)
		if (mprotect(pages + i * 4096, 4096, PROT_EXEC)) {
			print_message("vm.max_map_count is too small\n");
			munmap(pages, n_pages * 4096);
			skip();
		}
	images = own_images();
	assert_int_equal(images_count(images), IMAGES_MAX);
	assert_true(images_refused(images) >= 100);
	images_free(images);
	munmap(pages, n_pages * 4096);
}

// Libraries that are said to have been unloaded and can't be had.
static void test_unloaded_files(void **state)
{
	struct images *images = own_images();

	(void)state;
	for (uint64_t i = 0; i < IMAGES_MAX + 10; i++)
		images_unloaded(images, "/nowhere/lib.so", i << 12, 1);
	assert_int_equal(images_refused(images), 10);
	images_free(images);
}

// A sparse ELF file whose unwinding table is as large as one may be.
static int make_elf(char *path, uint64_t n_bytes)
{
	struct {
		Elf64_Ehdr file;
		Elf64_Phdr load, frames;
		uint32_t table[4]; // .eh_frame_hdr, .eh_frame
	} e = {
		.file = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64,
				     ELFDATA2LSB},
			 .e_machine = EM_X86_64,
			 .e_phoff = sizeof(Elf64_Ehdr),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 2},
		.load = {.p_type = PT_LOAD,
			 .p_flags = PF_R | PF_X,
			 .p_filesz = n_bytes,
			 .p_memsz = n_bytes},
		.frames = {.p_type = PT_GNU_EH_FRAME,
			   .p_vaddr = offsetof(typeof(e), table),
			   .p_filesz = 16},
		.table = {0x3b031b01, 4, 0, 0},
	};
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)n_bytes) ||
	    write(fd, &e, sizeof(e)) != sizeof(e))
		return -1;
	return fd;
}

static void *map_elf(uint64_t n_bytes)
{
	char path[] = "/tmp/cprof-limits-XXXXXX";
	int fd = make_elf(path, n_bytes);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	assert_true(fd >= 0);
	assert_true(at != MAP_FAILED);
	close(fd);
	unlink(path);
	return at;
}

// Each file may be large; all of a process together may not.
static void test_image_bytes(void **state)
{
	enum { N_FILES = 6 };
	const uint64_t n_bytes = 120 << 20;
	unsigned n_with_file = 0;
	struct images *images;
	void *at[N_FILES];
	struct sysinfo si;

	(void)state;
	if (sysinfo(&si) ||
	    (si.freeram + si.bufferram) * si.mem_unit < 2u << 30) {
		print_message("not enough memory\n");
		skip();
	}
	for (int i = 0; i < N_FILES; i++)
		at[i] = map_elf(n_bytes);
	images = own_images();
	for (int i = 0; i < N_FILES; i++) {
		uint32_t id = images_find(images, (uint64_t)at[i], 0);

		assert_true(id);
		n_with_file += images_get(images, id)->file != NULL;
		munmap(at[i], 4096);
	}
	assert_int_equal(n_with_file, IMAGES_MAX_BYTES / n_bytes);
	assert_int_equal(images_refused(images), N_FILES - n_with_file);
	images_free(images);
}

// --- Sessions ---------------------------------------------------------------

static struct proc *new_proc(const struct proc_env *env, uint32_t pid)
{
	struct proc_start start = {.env = env,
				   .pid = pid,
				   .maps_fd = -1,
				   .pid_fd = -1,
				   .hello = calloc(1, sizeof(Cprof__Hello))};
	struct proc *p;

	cprof__hello__init(start.hello);
	assert_int_equal(proc_new(&start, &p), 0);
	return p;
}

static void test_sessions(void **state)
{
	static struct proc_env env;
	static struct table t;
	struct proc *p;

	(void)state;
	table_init(&t);
	for (uint32_t i = 0; i < SESSIONS_MAX; i++)
		assert_int_equal(table_add(&t, new_proc(&env, 1u << 30 | i)),
				 0);
	p = new_proc(&env, 1);
	assert_int_equal(table_add(&t, p), -EUSERS);
	proc_unref(p);
	assert_int_equal(table_count(&t), SESSIONS_MAX);
	table_fini(&t);
}

// What a stopped pool is asked for it never does.
static struct pool *stopped_pool(void)
{
	struct pool *p = pool_new("stopped", 1);

	pool_stop(p);
	return p;
}

static void test_dumps(void **state)
{
	struct proc_env env = {.readers = stopped_pool(),
			       .writers = stopped_pool()};
	struct proc *p = new_proc(&env, 1);
	struct dump d = {.n_snaps = 0};

	(void)state;
	pool_job_init(&p->write_job, dump_job, p);
	pool_job_init(&p->visit_job, dump_job, p);
	proc_lock(p);
	for (unsigned i = 0; i < DUMPS_MAX; i++) {
		assert_false(dump_is_full(p));
		assert_int_equal(dump_post(p, &d, false), 0);
	}
	assert_true(dump_is_full(p));
	proc_unlock(p);
	assert_true(dump_job(p) == POOL_NEVER);
	assert_false(dump_is_full(p));
	proc_unref(p);
	pool_free(env.readers);
	pool_free(env.writers);
}

static void test_texts(void **state)
{
	static struct proc_env env;
	struct proc *p = new_proc(&env, 1);

	(void)state;
	for (unsigned i = 0; i < PROC_WARNINGS_MAX + 5; i++)
		proc_warn(p, "warning %u", i);
	assert_int_equal(p->warnings.n, PROC_WARNINGS_MAX);
	assert_string_equal(p->warnings.list[0], "warning 5");
	for (unsigned i = 0; i < PROC_FILES_MAX + 5; i++)
		proc_add_text(&p->files, strdup("file"), PROC_FILES_MAX);
	assert_int_equal(p->files.n, PROC_FILES_MAX);
	proc_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_samples),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_unloaded_files),
		cmocka_unit_test(test_image_bytes),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_dumps),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
