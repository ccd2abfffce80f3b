// SPDX-License-Identifier: Apache-2.0
//
// pprof's rules for finding a file, so that `list` shows what it shows.
#include "collector/report_source.h"

#include "collector/report_mem.h"
#include "collector/report_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((off_t)64 << 20)
// A longer line ends the listing.
#define LINE_MAX_BYTES ((size_t)64 << 10)

static int open_plain(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if (st.st_size > FILE_MAX_BYTES)
		err = -EFBIG;
	if (!err)
		return fd;
	(void)close(fd); // nothing was written
	return err;
}

// Below FOLDER and each of its parents.
static int open_below(const char *folder, const char *path)
{
	char *dir = report_path_clean(folder);
	int fd = -ENOENT;

	for (;;) {
		char *slash, *full;

		if (asprintf(&full, "%s/%s", dir, path) < 0)
			report_mem_fail();
		fd = open_plain(full);
		free(full);
		slash = strrchr(dir, '/');
		if (fd >= 0 || !slash || !slash[1])
			break;
		slash[slash == dir] = '\0';
	}
	free(dir);
	return fd;
}

static int open_searched(const char *path, const char *search)
{
	int fd = -ENOENT;
	char *folder;

	while (fd < 0 && (folder = report_path_next(&search))) {
		fd = open_below(folder, path);
		free(folder);
	}
	return fd;
}

static int open_source(const char *path, const char *trim, const char *search,
		       char **ret_reason)
{
	char *here = search ? NULL : getcwd(NULL, 0);
	const char *where = search ? search : here ? here : "/";
	const char *rest = report_path_trim(path, trim ? trim : "", where);
	char *reason = NULL;
	int fd, n;

	if (*rest == '/') {
		static const char *const lower[] = {"no such file or directory",
						    "permission denied"};

		fd = open_plain(rest);
		n = asprintf(&reason, "open %s: %s", rest,
			     fd == -ENOENT   ? lower[0]
			     : fd == -EACCES ? lower[1]
					     : strerror(-fd));
	} else {
		fd = open_searched(rest, where);
		n = asprintf(&reason, "could not find file %s on path %s", rest,
			     where);
	}
	free(here);
	if (n < 0)
		report_mem_fail();
	*ret_reason = reason;
	return fd;
}

static size_t read_text(int fd, char **ret_text)
{
	size_t n = 0, capacity = 0;
	char *text = NULL;
	ssize_t got;

	do {
		text = report_mem_grow(text, &capacity, n + 4096, 1);
		got = read(fd, text + n, capacity - n - 1);
		n += got > 0 ? (size_t)got : 0;
	} while (got > 0 && (off_t)n <= FILE_MAX_BYTES);
	text[n] = '\0';
	*ret_text = text;
	return n;
}

static void split(struct report_source *s, char *at, const char *end)
{
	while (at < end) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		char *stop = newline ? newline : (char *)end;

		if ((size_t)(stop - at) >= LINE_MAX_BYTES)
			return;
		s->lines = report_mem_grow(s->lines, &s->lines_capacity,
					   s->n_lines + 1, sizeof(*s->lines));
		s->lines[s->n_lines++] = at;
		*stop = '\0';
		if (stop > at && stop[-1] == '\r')
			stop[-1] = '\0';
		at = stop + 1;
	}
}

int report_source_open(struct report_source *s, const char *path,
		       const char *trim, const char *search, char **ret_reason)
{
	int fd = open_source(path, trim, search, ret_reason);
	size_t n;

	*s = (struct report_source){0};
	if (fd < 0)
		return fd;
	free(*ret_reason);
	*ret_reason = NULL;
	n = read_text(fd, &s->text);
	(void)close(fd); // it was only read
	split(s, s->text, s->text + n);
	return 0;
}

void report_source_close(struct report_source *s)
{
	free(s->text);
	free(s->lines);
	*s = (struct report_source){0};
}
