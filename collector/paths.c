// SPDX-License-Identifier: Apache-2.0
//
// /tmp is everybody's: a folder found there is used only when it is a real
// folder (no symbolic link) that belongs to this user and lets nobody else in.
#include "collector/paths.h"

#include "collector/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Where cprof itself would put it. As snprintf().
static int print_default(char *ret_path, size_t room)
{
	const char *run = secure_getenv("XDG_RUNTIME_DIR");

	if (run && *run)
		return snprintf(ret_path, room, "%s/cprof/cprofd.sock", run);
	return snprintf(ret_path, room, "/tmp/cprof-%u/cprofd.sock",
			(unsigned)geteuid());
}

int paths_socket(const char *given, char ret_path[SOCKET_NAME_MAX_BYTES + 1])
{
	const char *env = secure_getenv("CPROF_SOCKET");
	const size_t room = SOCKET_NAME_MAX_BYTES + 1;
	int n;

	if (!given || !*given)
		given = env && *env ? env : NULL;
	if (given)
		n = snprintf(ret_path, room, "%s", given);
	else
		n = print_default(ret_path, room);
	return n < 0 || (size_t)n >= room ? -ENAMETOOLONG : 0;
}

// A name that cprof chose: it is the same when a shim passes it on.
static bool is_default(const char *path)
{
	char name[SOCKET_NAME_MAX_BYTES + 1];
	int n = print_default(name, sizeof(name));

	return n > 0 && (size_t)n < sizeof(name) && !strcmp(name, path);
}

// A folder of cprof's own is this user's alone and no symbolic link.
static int check_own(const char *folder)
{
	struct stat st;

	if (lstat(folder, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid != geteuid() || st.st_mode & 077 ? -EPERM : 0;
}

// One that the user chose may be open to others as long as they can't replace
// what is in it.
static int check_chosen(const char *folder)
{
	struct stat st;

	if (stat(folder, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid && st.st_uid != geteuid())
		return -EPERM;
	return st.st_mode & 022 && !(st.st_mode & S_ISVTX) ? -EPERM : 0;
}

// The folder FILE lies in; "" when it needs no check.
static int folder_of(const char *file, char *ret_folder, size_t room)
{
	const char *slash = strrchr(file, '/');
	int n = slash ? (int)(slash - file) : 0;

	if (snprintf(ret_folder, room, "%.*s", n, file) >= (int)room)
		return -ENAMETOOLONG;
	return 0;
}

int paths_check(const char *file)
{
	char folder[SOCKET_NAME_MAX_BYTES + 1];
	int err = folder_of(file, folder, sizeof(folder));

	if (err)
		return err;
	if (is_default(file))
		return check_own(folder);
	return check_chosen(*folder ? folder : *file == '/' ? "/" : ".");
}

int paths_folder(const char *file)
{
	char folder[SOCKET_NAME_MAX_BYTES + 1];
	int err = folder_of(file, folder, sizeof(folder));

	if (err)
		return err;
	if (*folder && mkdir(folder, 0700) && errno != EEXIST)
		return -errno;
	return paths_check(file);
}

int paths_fallback(char *ret_path, size_t n_bytes)
{
	int n = snprintf(ret_path, n_bytes, "/tmp/cprof-%u",
			 (unsigned)geteuid());

	if (n < 0 || (size_t)n >= n_bytes)
		return -ENAMETOOLONG;
	if (mkdir(ret_path, 0700) && errno != EEXIST)
		return -errno;
	return check_own(ret_path);
}

int paths_open_own(const char *path, int flags)
{
	struct stat st;
	// Non-blocking: somebody may have put a fifo there.
	int fd = open(path,
		      flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
			      O_CLOEXEC,
		      0600);
	int err = 0;

	if (fd < 0)
		return -errno;
	// One with a second name may be a file that matters.
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		 st.st_nlink > 1)
		err = -EPERM;
	if (!err)
		return fd;
	close(fd);
	return err;
}

// A value put into a path must not lead elsewhere: no '/' of its own.
static void put_name(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		buf_put(b, c == '/' || c < ' ' ? "_" : text, 1);
	}
}

// The value of the variable whose name are N characters at TEXT, or NULL.
static const char *find_variable(const struct paths_names *names,
				 const char *text, size_t n)
{
	for (size_t i = 0; i < names->n_environment; i++) {
		const char *entry = names->environment[i];

		if (!strncmp(entry, text, n) && entry[n] == '=')
			return entry + n + 1;
	}
	return NULL;
}

// %{NAME}; "" when it is unset. Its slashes are kept: %{HOME} is a path.
static void put_environment(struct buf *b, const struct paths_names *names,
			    const char *text, size_t n)
{
	const char *value = find_variable(names, text, n);

	if (value)
		buf_puts(b, value);
}

const char *paths_unset(const char *text, const struct paths_names *names,
			size_t *ret_n)
{
	for (; *text; text++) {
		if (*text != '%' || !text[1])
			continue;
		text++; // "%%" is no beginning
		if (*text != '{')
			continue;
		*ret_n = strcspn(text, "}") - 1;
		if (text[*ret_n + 1] && !find_variable(names, text + 1, *ret_n))
			return text + 1;
	}
	return NULL;
}

static void put_host(struct buf *b)
{
	char host[256] = "";

	// Without a name %h is empty, as a host without one deserves.
	if (!gethostname(host, sizeof(host) - 1))
		put_name(b, host);
}

static void put_start(struct buf *b, int64_t start_time_ns)
{
	time_t seconds = (time_t)(start_time_ns / 1000000000);
	char text[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y%m%d-%H%M%S", &tm);
	buf_puts(b, text);
}

// Appends what the % at T stands for; returns how many characters it took.
static size_t put_escape(struct buf *b, const struct paths_names *names,
			 const char *t)
{
	const char *end;

	switch (t[1]) {
	case 'p':
		buf_printf(b, "%u", names->pid);
		return 2;
	case 'e':
		put_name(b, names->comm);
		return 2;
	case 'h':
		put_host(b);
		return 2;
	case 't':
		put_start(b, names->start_time_ns);
		return 2;
	case '%':
		buf_puts(b, "%");
		return 2;
	case '{':
		end = strchr(t, '}');
		if (!end)
			break;
		put_environment(b, names, t + 2, (size_t)(end - t - 2));
		return (size_t)(end - t + 1);
	}
	buf_puts(b, "%");
	return 1;
}

bool paths_has_cwd(const struct paths_names *names)
{
	return names->cwd && *names->cwd == '/';
}

// Where names without a folder lie.
static void put_cwd(struct buf *b, const struct paths_names *names)
{
	char fallback[64];

	if (paths_has_cwd(names))
		buf_puts(b, names->cwd);
	else if (!paths_fallback(fallback, sizeof(fallback)))
		buf_puts(b, fallback);
	else
		// Not the collector's own. Who may write there is told of it.
		buf_puts(b, "/");
}

char *paths_expand(const char *text, const struct paths_names *names)
{
	struct buf b, path;

	buf_init(&b);
	buf_init(&path);
	while (*text) {
		if (*text == '%') {
			text += put_escape(&b, names, text);
			continue;
		}
		buf_put(&b, text, 1);
		text++;
	}
	// %{HOME} may have made it absolute.
	if (!b.n_bytes || b.data[0] != '/')
		put_cwd(&path, names);
	if (b.n_bytes && path.n_bytes && path.data[path.n_bytes - 1] != '/')
		buf_puts(&path, "/");
	if (b.n_bytes)
		buf_put(&path, b.data, b.n_bytes);
	buf_fini(&b);
	if (!buf_error(&path))
		return path.data;
	buf_fini(&path);
	return NULL;
}
