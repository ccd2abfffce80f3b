// SPDX-License-Identifier: Apache-2.0
//
// Description: in the sandbox a collector can do its work and nothing of what
// it never does: each forbidden thing is tried and fails.
// asan: no, a sanitizer's runtime needs other system calls
#include "collector/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
static char old_file[128], new_file[128], other_file[128];

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(dir, "/tmp/cprof-sandbox-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(old_file, sizeof(old_file), "%s/old", dir);
	snprintf(new_file, sizeof(new_file), "%s/new", dir);
	snprintf(other_file, sizeof(other_file), "%s/other", dir);
	fd = open(old_file, O_WRONLY | O_CREAT, 0600);
	return fd < 0 || write(fd, "text", 4) != 4 || close(fd);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

// --- What must work; 0 or an error ------------------------------------------

static int read_file(void)
{
	char text[4];
	int fd = open(old_file, O_RDONLY | O_CLOEXEC);

	return fd < 0 || read(fd, text, 4) != 4 || close(fd);
}

static int write_file(void)
{
	int fd = open(new_file, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0 || write(fd, "text", 4) != 4 || fsync(fd) || close(fd))
		return -1;
	if (renameat2(AT_FDCWD, new_file, AT_FDCWD, other_file,
		      RENAME_NOREPLACE))
		return -1;
	return unlink(other_file);
}

static void *nothing(void *arg)
{
	return arg;
}

static int make_thread(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL);
}

static int make_region(void)
{
	int fd = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 || ftruncate(fd, 4096) || fallocate(fd, 0, 0, 4096) ||
	       fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) ||
	       mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
		       MAP_FAILED;
}

static int listen_again(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", dir);
	return fd < 0 || fchmod(fd, 0600) ||
	       bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 5);
}

static int look_at_processes(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0) < 0 ||
	       access("/proc/self/stat", R_OK);
}

// --- What must not; 0 when it could be done ---------------------------------

static int run_program(void)
{
	return execl("/bin/true", "true", NULL);
}

static int make_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0;
}

static int change_file(void)
{
	return open(old_file, O_WRONLY) < 0;
}

static int append_to_file(void)
{
	return open(old_file, O_RDWR | O_APPEND | O_CREAT, 0600) < 0;
}

static int empty_file(void)
{
	return open(old_file, O_RDONLY | O_TRUNC) < 0;
}

static int truncate_file(void)
{
	return truncate(old_file, 0);
}

static int replace_file(void)
{
	int fd = open(new_file, O_WRONLY | O_CREAT | O_EXCL, 0600);

	return fd < 0 || rename(new_file, old_file);
}

static int change_mode(void)
{
	return chmod(old_file, 04755);
}

static int set_user_bit(void)
{
	int fd = open(old_file, O_RDONLY);

	return fd < 0 || fchmod(fd, 04755);
}

static int make_link(void)
{
	return symlink("/etc/passwd", new_file);
}

static int make_device(void)
{
	return mknod(new_file, S_IFIFO | 0600, 0);
}

static int reach_network(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int reach_program(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/x"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&a, sizeof(a)) && errno == ENOSYS;
}

static int trace_parent(void)
{
	return ptrace(PTRACE_SEIZE, getppid(), 0, 0) < 0;
}

static int write_parent(void)
{
	static char byte;
	struct iovec here = {&byte, 1};

	return process_vm_writev(getppid(), &here, 1, &here, 1, 0) < 0;
}

static int signal_parent(void)
{
	return kill(getppid(), 0);
}

static int run_data(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static int make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int dump_core(void)
{
	const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

	return setrlimit(RLIMIT_CORE, &all);
}

static int be_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

// Code that can still be changed: no library needs it.
static int map_writable_code(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			      MAP_PRIVATE, fd, 0) == MAP_FAILED;
}

// As the loader does; a whole library needs more than that, and is loaded by
// every collector that a shim starts (test/e2e/libraries_test.py).
static int map_library(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE,
			      fd, 0) == MAP_FAILED;
}

static int seal(void)
{
	return sandbox_seal();
}

static int map_library_after(void)
{
	if (sandbox_seal())
		return 0;
	return map_library();
}

struct deed {
	const char *name;
	int (*fn)(void);
};

static const struct deed allowed[] = {
	{"read a file", read_file},	{"write a file", write_file},
	{"make a thread", make_thread}, {"make a region", make_region},
	{"listen again", listen_again}, {"look around", look_at_processes},
};

static const struct deed forbidden[] = {
	{"run a program", run_program},
	{"make a process", make_process},
	{"change a file", change_file},
	{"append", append_to_file},
	{"empty a file", empty_file},
	{"truncate a file", truncate_file},
	{"replace a file", replace_file},
	{"change a mode", change_mode},
	{"set-user-ID", set_user_bit},
	{"make a link", make_link},
	{"make a device", make_device},
	{"reach the network", reach_network},
	{"reach a program", reach_program},
	{"trace", trace_parent},
	{"write memory", write_parent},
	{"signal", signal_parent},
	{"run data", run_data},
	{"make code", make_code},
	{"map a file writable and as code", map_writable_code},
	{"map a library", map_library},
	{"seal", seal},
	{"dump core", dump_core},
	{"be dumpable", be_dumpable},
};

enum { DONE, FAILED, NO_SANDBOX };

// Each in a process of its own.
static int try(const struct deed *d, enum sandbox_needs needs)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		int err = sandbox_enter(needs);

		if (err == -ENOTSUP || err == -EINVAL)
			_exit(NO_SANDBOX);
		_exit(err ? 99 : d->fn() ? FAILED : DONE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("%s: ended by signal %d", d->name, WTERMSIG(status));
	if (WEXITSTATUS(status) == NO_SANDBOX) {
		print_message("no seccomp here\n");
		skip();
	}
	return WEXITSTATUS(status);
}

static bool is_loaders(const struct deed *d)
{
	return d->fn == map_library || d->fn == seal;
}

static void try_allowed(enum sandbox_needs needs)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		if (try(&allowed[i], needs) != DONE)
			fail_msg("can't %s", allowed[i].name);
}

static void try_forbidden(enum sandbox_needs needs)
{
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++) {
		const struct deed *d = &forbidden[i];
		bool is_free = needs == SANDBOX_LOADING && is_loaders(d);

		if (try(d, needs) != (is_free ? DONE : FAILED))
			fail_msg("%s %s", is_free ? "can't" : "could", d->name);
	}
}

static void test_allowed(void **state)
{
	(void)state;
	try_allowed(SANDBOX_NOTHING);
}

static void test_forbidden(void **state)
{
	(void)state;
	try_forbidden(SANDBOX_NOTHING);
}

// Debug files come from where the user says; nothing else is allowed for it.
static void test_fetching(void **state)
{
	const struct deed network = {"reach the network", reach_network};
	const struct deed program = {"run a program", run_program};

	(void)state;
	assert_int_equal(try(&network, SANDBOX_NETWORK), DONE);
	assert_int_equal(try(&program, SANDBOX_NETWORK), FAILED);
}

// While a library may be loaded all else is as it is afterwards.
static void test_loading(void **state)
{
	const struct deed after = {"map when sealed", map_library_after};

	(void)state;
	try_allowed(SANDBOX_LOADING);
	try_forbidden(SANDBOX_LOADING);
	assert_int_equal(try(&after, SANDBOX_LOADING), FAILED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_allowed),
		TEST(test_forbidden),
		TEST(test_fetching),
		TEST(test_loading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
