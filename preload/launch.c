// SPDX-License-Identifier: Apache-2.0
//
// The collector is started from inside the host, which must not notice: its
// memory is shared with the child until exec (a real fork would copy the page
// tables of a large host), signals are blocked in it, its exit signal is none,
// and a second step orphans it. Nobody waits for it in somebody's malloc (a
// vfork stalls for as long as an exec takes, milliseconds on a busy machine):
// the host goes on beside it, and a later call reaps the first step. So all
// the children do is raw calls: even the host's errno is theirs.
#include "preload/launch.h"

#include "preload/conf.h"
#include "preload/sys.h"
#include "preload/text.h"
#include "proto/limits.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_BYTES   4096u
#define STACK_BYTES  (32u << 10)
#define ALL_SIGNALS  (~0ull)
#define SIGSET_BYTES 8u

// Constant after the constructor.
static char own_folder[PATH_BYTES];
static char socket_name[SOCKET_NAME_MAX_BYTES + 1];
static bool is_own_name; // nobody chose another

// Appends PATH, made absolute.
static void add_absolute(struct text *t, const char *path, size_t n)
{
	static char here[PATH_BYTES];

	if (path[0] != '/' && sys_call(SYS_getcwd, here, sizeof(here)) > 0) {
		text_add(t, here);
		text_add(t, "/");
	}
	text_add_bytes(t, path, n);
}

static void find_own_folder(void)
{
	Dl_info info;
	const char *slash;
	struct text t;

	if (!dladdr((void *)launch_init, &info) || !info.dli_fname)
		return;
	slash = strrchr(info.dli_fname, '/');
	text_init(&t, own_folder, sizeof(own_folder));
	if (slash)
		add_absolute(&t, info.dli_fname,
			     (size_t)(slash - info.dli_fname) + 1);
	if (t.is_cut)
		own_folder[0] = 0;
}

static void name_socket(void)
{
	const char *given = conf.texts[SETTING_SOCKET];
	const char *runtime = conf_getenv("XDG_RUNTIME_DIR", 15);
	struct text t;

	is_own_name = !*given;
	text_init(&t, socket_name, sizeof(socket_name));
	if (*given) {
		add_absolute(&t, given, strlen(given));
	} else if (runtime && *runtime) {
		text_add(&t, runtime);
		text_add(&t, "/cprof/cprofd.sock");
	} else {
		text_add(&t, "/tmp/cprof-");
		text_add_number(&t, (uint64_t)sys_call(SYS_geteuid));
		text_add(&t, "/cprofd.sock");
	}
	if (t.is_cut)
		socket_name[0] = 0;
}

void launch_init(void)
{
	find_own_folder();
	name_socket();
}

const char *launch_socket_name(void)
{
	return socket_name[0] ? socket_name : NULL;
}

// What the two children need. Static: 80 KiB are too much for a stranger's
// stack, and they run on when the call has returned. One thread at a time
// launches (session.c), and the pages are touched only then.
static struct launch {
	char program[PATH_BYTES];
	const char *argv[5];
	int err;	    // of exec: the children share this memory
	long collector_pid; // the first child's to write
	_Alignas(16) char stack[2][STACK_BYTES];
	uint32_t owner_pid; // a fork child's copy runs nothing
	// 1 until the first child has ended, and with it the use of all this:
	// the kernel clears it.
	_Atomic uint32_t x_is_running;
	// The first child, until it is reaped, else 0.
	_Atomic uint32_t x_pid;
} launch;

static bool is_program(const char *path)
{
	return !sys_call(SYS_faccessat, AT_FDCWD, path, X_OK);
}

static bool try_folder(struct launch *l, const char *folder, size_t n,
		       const char *rest)
{
	struct text t;

	text_init(&t, l->program, sizeof(l->program));
	text_add_bytes(&t, folder, n);
	text_add(&t, rest);
	return n && !t.is_cut && is_program(l->program);
}

static bool try_path(struct launch *l)
{
	const char *path = conf_getenv("PATH", 4);

	while (path && *path) {
		size_t n = strcspn(path, ":");

		if (try_folder(l, path, n, "/cprofd"))
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

static bool find_program(struct launch *l)
{
	const char *named = conf.texts[SETTING_DAEMON];
	size_t n = strlen(own_folder);

	if (*named)
		return try_folder(l, named, strlen(named), "");
	return try_folder(l, own_folder, n, "cprofd") ||
	       try_folder(l, own_folder, n, "../bin/cprofd") || try_path(l);
}

static void close_descriptors(void)
{
	long null = sys_call(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR);

	for (long fd = 0; null >= 0 && fd < 3; fd++)
		if (null != fd)
			(void)sys_call(SYS_dup3, null, fd, 0);
	if (sys_call(SYS_close_range, 3, ~0u, 0) == -ENOSYS)
		for (long fd = 3; fd < 1024; fd++)
			(void)sys_call(SYS_close, fd);
}

static void run_collector(void *arg)
{
	struct launch *l = arg;
	uint64_t none = 0;

	close_descriptors();
	(void)sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, SIGSET_BYTES);
	// Not the host's environment: that would load the shim into it.
	l->err = (int)sys_call(SYS_execve, l->program, l->argv, conf.env);
	(void)sys_call(SYS_exit, 127);
}

static void run_middle(void *arg)
{
	struct launch *l = arg;
	long pid;

	(void)sys_call(SYS_setsid);
	pid = sys_clone(CLONE_VM | CLONE_VFORK, l->stack[1] + STACK_BYTES, NULL,
			run_collector, l);
	l->collector_pid = pid;
	(void)sys_call(SYS_exit, pid > 0 ? 0 : 1);
}

static int run_children(struct launch *l)
{
	uint64_t all = ALL_SIGNALS, before;
	long pid;

	atomic_store_explicit(&l->x_is_running, 1, memory_order_relaxed);
	(void)sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before,
		       SIGSET_BYTES);
	pid = sys_clone(CLONE_VM | CLONE_CHILD_CLEARTID,
			l->stack[0] + STACK_BYTES, &l->x_is_running, run_middle,
			l);
	(void)sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0,
		       SIGSET_BYTES);
	if (pid > 0) {
		atomic_store_explicit(&l->x_pid, (uint32_t)pid,
				      memory_order_relaxed);
		return 0;
	}
	atomic_store_explicit(&l->x_is_running, 0, memory_order_relaxed);
	return (int)pid;
}

// The first child, if it is this process's and there is one; it is the
// caller's to reap.
static uint32_t take_child(struct launch *l)
{
	if (!atomic_load_explicit(&l->x_pid, memory_order_relaxed) ||
	    l->owner_pid != (uint32_t)sys_call(SYS_getpid))
		return 0;
	return atomic_exchange_explicit(&l->x_pid, 0, memory_order_relaxed);
}

bool launch_has_child(void)
{
	return atomic_load_explicit(&launch.x_pid, memory_order_relaxed);
}

void launch_reap(void)
{
	uint32_t pid = take_child(&launch);

	if (pid && !sys_call(SYS_wait4, pid, 0, __WALL | WNOHANG, 0))
		atomic_store_explicit(&launch.x_pid, pid, memory_order_relaxed);
}

int launch_wait(void)
{
	uint32_t pid = take_child(&launch);
	int status = 0;

	if (pid && sys_call(SYS_wait4, pid, &status, __WALL, 0) < 0)
		return -ECHILD;
	return launch.err ? launch.err : status ? -ECHILD : 0;
}

// Its parent, which may be slow to reap it, or never do, is somebody else: a
// descriptor of it tells its end all the same.
bool launch_is_over(void)
{
	struct pollfd end = {.events = POLLIN};
	const struct timespec at_once = {0};
	long fd;
	bool is_over;

	if (launch.collector_pid <= 0 ||
	    launch.owner_pid != (uint32_t)sys_call(SYS_getpid))
		return false;
	fd = sys_call(SYS_pidfd_open, launch.collector_pid, 0);
	if (fd < 0)
		return fd == -ESRCH;
	end.fd = (int)fd;
	is_over = sys_call(SYS_ppoll, &end, 1, &at_once, 0, 0) > 0;
	sys_close((int)fd);
	return is_over;
}

// A folder of cprof's own name that is another user's, or open to others, is
// one that no collector of ours would serve in: waiting for one would be in
// vain.
static bool is_folder_good(const char *name)
{
	char folder[SOCKET_NAME_MAX_BYTES + 1];
	struct stat st;
	struct text t;

	text_init(&t, folder, sizeof(folder));
	text_add_bytes(&t, name, (size_t)(strrchr(name, '/') - name));
	if (!is_own_name || sys_call(SYS_newfstatat, AT_FDCWD, folder, &st,
				     AT_SYMLINK_NOFOLLOW))
		return true;
	return S_ISDIR(st.st_mode) && !(st.st_mode & 077) &&
	       st.st_uid == (uid_t)sys_call(SYS_geteuid);
}

int launch_collector(const char *name)
{
	struct launch *l = &launch;
	uint32_t pid = (uint32_t)sys_call(SYS_getpid);

	launch_reap();
	if (l->owner_pid == pid &&
	    // acquire: pairs with the kernel's end of the child
	    atomic_load_explicit(&l->x_is_running, memory_order_acquire))
		return 0;
	if (!is_folder_good(name))
		return -EPERM;
	if (!find_program(l))
		return -ENOENT;
	l->argv[0] = l->program;
	l->argv[1] = "--auto";
	l->argv[2] = "--socket";
	l->argv[3] = name;
	l->argv[4] = NULL;
	l->err = 0;
	l->collector_pid = 0;
	l->owner_pid = pid;
	return run_children(l);
}
