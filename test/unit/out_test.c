// SPDX-License-Identifier: Apache-2.0
//
// Description: profile files get the first free number, replace nothing, are
// complete and private; and the folder they go to follows its template.
#include "collector/out.h"
#include "collector/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/cprof-out-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void write_one(struct out *o, const char *kind, const char *expected)
{
	char path[128];
	struct buf b;
	char *got;
	struct stat st;

	buf_init(&b);
	buf_puts(&b, "bytes");
	assert_int_equal(out_write(o, kind, &b, &got), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, expected);
	assert_string_equal(got, path);
	assert_int_equal(stat(got, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(got);
	buf_fini(&b);
}

static void touch(const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
}

static void test_numbers(void **state)
{
	struct out o;

	(void)state;
	assert_int_equal(out_open(dir, "app", 12, &o), 0);
	write_one(&o, "cpu", "app.12.cpu.001.pb.gz");
	write_one(&o, "inuse", "app.12.inuse.001.pb.gz");
	// Somebody else took the next name of this dump meanwhile.
	touch("app.12.alloc.001.pb.gz");
	write_one(&o, "alloc", "app.12.alloc.002.pb.gz");
	out_close(&o);
	assert_int_equal(out_open(dir, "app", 12, &o), 0);
	write_one(&o, "cpu", "app.12.cpu.003.pb.gz");
	out_close(&o);
	// Other processes and other names don't count.
	assert_int_equal(out_open(dir, "app", 1, &o), 0);
	write_one(&o, "cpu", "app.1.cpu.001.pb.gz");
	out_close(&o);
}

static void test_names(void **state)
{
	struct out o;

	(void)state;
	assert_int_equal(out_open(dir, "../e/\n", 3, &o), 0);
	write_one(&o, "cpu", "_._e__.3.cpu.001.pb.gz");
	out_close(&o);
}

static void test_made(void **state)
{
	char path[128];
	struct out o;

	(void)state;
	snprintf(path, sizeof(path), "%s/new", dir);
	assert_int_equal(out_check(path), 0);
	assert_int_equal(out_open(path, "a", 1, &o), 0);
	out_close(&o);
	snprintf(path, sizeof(path), "%s/two/levels", dir);
	assert_int_equal(out_check(path), 0);
	assert_int_equal(out_open(path, "a", 1, &o), 0);
	out_close(&o);
	assert_int_equal(rmdir(path), 0);
	*strrchr(path, '/') = '\0';
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(out_check("/proc"), geteuid() ? -EACCES : 0);
	assert_true(out_open("/proc/x", "a", 1, &o) < 0);
}

// What a collector of the same pid left when it was killed.
static void test_leftovers(void **state)
{
	char path[128];
	struct out o;

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "%s/.cprof.%d.%d.tmp", dir,
			 (int)getpid(), i);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	assert_int_equal(out_open(dir, "left", 5, &o), 0);
	write_one(&o, "cpu", "left.5.cpu.001.pb.gz");
	out_close(&o);
	for (int i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "%s/.cprof.%d.%d.tmp", dir,
			 (int)getpid(), i);
		unlink(path);
	}
}

static void expect(const char *text, const char *expected)
{
	static const char *const environment[] = {"HOME=/root", "NAME=x"};
	const struct paths_names names = {
		.pid = 42,
		.comm = "my/app",
		.cwd = "/work",
		.environment = environment,
		.n_environment = 2,
	};
	char *path = paths_expand(text, &names);

	assert_string_equal(path, expected);
	free(path);
}

static void test_template(void **state)
{
	(void)state;
	expect("", "/work");
	expect("/a", "/a");
	expect("a/%p", "/work/a/42");
	expect("/x/%e.%p", "/x/my_app.42");
	expect("%{HOME}/p", "/root/p");
	expect("/%{NAME}%{NONE}/%%", "/x/%");
	expect("/%q%{", "/%q%{");
	expect("/%", "/%");
}

static void expect_nowhere(const char *text, const char *expected)
{
	const struct paths_names names = {.comm = "", .cwd = "(unreachable)"};
	char *path = paths_expand(text, &names);

	assert_string_equal(path, expected);
	free(path);
}

// A user whose folder in /tmp is another's, and who began in none.
static void test_nowhere(void **state)
{
	const uid_t uid = 1u << 30 | (uid_t)getpid();
	char folder[64];

	(void)state;
	if (geteuid())
		skip();
	snprintf(folder, sizeof(folder), "/tmp/cprof-%u", (unsigned)uid);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(seteuid(uid), 0);
	expect_nowhere("", "/");
	expect_nowhere("a/b", "/a/b");
	expect_nowhere("/a", "/a");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void test_socket(void **state)
{
	char path[SOCKET_NAME_MAX_BYTES + 1];
	char name[SOCKET_NAME_MAX_BYTES + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[SOCKET_NAME_MAX_BYTES + 1] = '\0';
	assert_int_equal(paths_socket(name, path), -ENAMETOOLONG);
	name[SOCKET_NAME_MAX_BYTES] = '\0';
	assert_int_equal(paths_socket(name, path), 0);
	assert_string_equal(path, name);
	setenv("CPROF_SOCKET", "/e/s", 1);
	assert_int_equal(paths_socket(NULL, path), 0);
	assert_string_equal(path, "/e/s");
	unsetenv("CPROF_SOCKET");
	setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
	assert_int_equal(paths_socket("", path), 0);
	assert_string_equal(path, "/run/user/1/cprof/cprofd.sock");
}

// A folder in /tmp that others can write to is not ours.
static void test_folder(void **state)
{
	char folder[128], path[128], other[128];

	(void)state;
	setenv("XDG_RUNTIME_DIR", dir, 1);
	snprintf(folder, sizeof(folder), "%s/cprof", dir);
	snprintf(path, sizeof(path), "%s/cprof/cprofd.sock", dir);
	assert_int_equal(paths_folder(path), 0);
	chmod(folder, 0755);
	assert_int_equal(paths_folder(path), -EPERM);
	// Where the user wants it others may look, but not rename.
	snprintf(other, sizeof(other), "%s/cprof/sock", dir);
	assert_int_equal(paths_folder(other), 0);
	chmod(folder, 0775);
	assert_int_equal(paths_folder(other), -EPERM);
	chmod(folder, 01777);
	assert_int_equal(paths_folder(other), 0);
	snprintf(other, sizeof(other), "%s/aside", dir);
	assert_int_equal(rename(folder, other), 0);
	assert_int_equal(symlink(other, folder), 0);
	assert_int_equal(paths_folder(path), -ENOTDIR);
	unsetenv("XDG_RUNTIME_DIR");
}

static void test_own_file(void **state)
{
	char path[128], other[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/own", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	fd = paths_open_own(path, O_WRONLY);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(paths_open_own(path, O_WRONLY), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(paths_open_own(path, O_WRONLY), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(paths_open_own(path, O_RDWR), -EPERM);
	assert_int_equal(paths_open_own(path, O_WRONLY), -ENXIO);
	assert_int_equal(unlink(path), 0);
}

static void make_file(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fclose(f);
}

// What is to be removed is what was written, in the folder it was written to.
static void test_remove(void **state)
{
	static const struct timespec at_epoch[2];
	char ours[96], path[128], victim[96], precious[128], kept[96];
	struct out_file file;

	(void)state;
	snprintf(ours, sizeof(ours), "%s/ours", dir);
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	snprintf(path, sizeof(path), "%s/p.pb.gz", ours);
	snprintf(precious, sizeof(precious), "%s/p.pb.gz", victim);
	assert_int_equal(mkdir(ours, 0700), 0);
	assert_int_equal(mkdir(victim, 0700), 0);
	make_file(path);
	make_file(precious);
	assert_int_equal(out_identify(path, &file), 0);
	// Another file has taken its name.
	snprintf(kept, sizeof(kept), "%s/kept", dir);
	assert_int_equal(rename(path, kept), 0);
	make_file(path);
	assert_int_equal(out_remove(path, &file), -ESTALE);
	assert_int_equal(rename(kept, path), 0);
	// One that has its number too.
	assert_int_equal(utimensat(AT_FDCWD, path, at_epoch, 0), 0);
	assert_int_equal(out_remove(path, &file), -ESTALE);
	assert_int_equal(out_identify(path, &file), 0);
	// A link to another folder has taken the folder's.
	snprintf(path, sizeof(path), "%s/away", dir);
	assert_int_equal(rename(ours, path), 0);
	assert_int_equal(symlink(victim, ours), 0);
	snprintf(path, sizeof(path), "%s/p.pb.gz", ours);
	assert_int_equal(out_remove(path, &file), -ESTALE);
	assert_int_equal(access(precious, F_OK), 0);
	// And the file itself.
	snprintf(path, sizeof(path), "%s/away/p.pb.gz", dir);
	assert_int_equal(out_remove(path, &file), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(out_remove(path, &file), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers),   TEST(test_names),	   TEST(test_made),
		TEST(test_leftovers), TEST(test_template), TEST(test_nowhere),
		TEST(test_socket),    TEST(test_folder),   TEST(test_own_file),
		TEST(test_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
