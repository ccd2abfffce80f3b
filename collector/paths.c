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

int paths_socket(const char *given, char ret_path[SOCKET_NAME_MAX_BYTES + 1])
{
	const char *env = getenv("CPROF_SOCKET");
	const char *run = getenv("XDG_RUNTIME_DIR");
	const size_t room = SOCKET_NAME_MAX_BYTES + 1;
	int n;

	if (!given || !*given)
		given = env && *env ? env : NULL;
	if (given)
		n = snprintf(ret_path, room, "%s", given);
	else if (run && *run)
		n = snprintf(ret_path, room, "%s/cprof/cprofd.sock", run);
	else
		n = snprintf(ret_path, room, "/tmp/cprof-%u/cprofd.sock",
			     (unsigned)geteuid());
	return n < 0 || (size_t)n >= room ? -ENAMETOOLONG : 0;
}

static int check_folder(const char *path, bool is_ours)
{
	struct stat st;

	if (is_ours ? lstat(path, &st) : stat(path, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (is_ours && (st.st_uid != geteuid() || st.st_mode & 077))
		return -EPERM;
	return 0;
}

static int make_folder(const char *path, bool is_ours)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	return check_folder(path, is_ours);
}

int paths_folder(const char *file, bool is_ours)
{
	char folder[SOCKET_NAME_MAX_BYTES + 1];
	const char *slash = strrchr(file, '/');

	if (!slash || slash == file)
		return 0;
	if (snprintf(folder, sizeof(folder), "%.*s", (int)(slash - file),
		     file) >= (int)sizeof(folder))
		return -ENAMETOOLONG;
	return make_folder(folder, is_ours);
}

int paths_fallback(char *ret_path, size_t n_bytes)
{
	int n = snprintf(ret_path, n_bytes, "/tmp/cprof-%u",
			 (unsigned)geteuid());

	if (n < 0 || (size_t)n >= n_bytes)
		return -ENAMETOOLONG;
	return make_folder(ret_path, true);
}

// A value put into a path must not lead elsewhere: no '/' of its own.
static void put_name(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		buf_put(b, c == '/' || c < ' ' ? "_" : text, 1);
	}
}

// The value of %{NAME}, NAME being N characters at TEXT; "" when it is unset.
// Its slashes are kept: %{HOME} is a path.
static void put_environment(struct buf *b, const struct paths_names *names,
			    const char *text, size_t n)
{
	for (size_t i = 0; i < names->n_environment; i++) {
		const char *entry = names->environment[i];

		if (!strncmp(entry, text, n) && entry[n] == '=') {
			buf_puts(b, entry + n + 1);
			return;
		}
	}
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
		buf_puts(&path, names->cwd && *names->cwd ? names->cwd : "/");
	if (b.n_bytes && path.n_bytes)
		buf_puts(&path, "/");
	if (b.n_bytes)
		buf_put(&path, b.data, b.n_bytes);
	buf_fini(&b);
	if (!buf_error(&path))
		return path.data;
	buf_fini(&path);
	return NULL;
}
