// SPDX-License-Identifier: Apache-2.0
//
// A reader never sees half a profile, and a profile that has its name survives
// a power cut: data are synced before the rename, the folder after it. Two
// collectors or cprofctl may write the same prefix at once: the rename refuses
// to replace, and the next number is taken.
#include "collector/out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_NUMBER_MAX 999999u
#define OUT_NAME_BYTES 128
// Temporary names tried: a collector of the same pid that was killed, in
// another container say, has left its own.
#define OUT_TEMPORARY_TRIES 10000

// Two may make the same folder at once: one that is there is no error.
static int make_dir(const char *dir)
{
	return mkdir(dir, 0777) && errno != EEXIST ? -errno : 0;
}

// Makes what is missing of DIR, from the top.
static int make_dirs(const char *dir)
{
	char *path = strdup(dir);
	char *slash = path;
	int err = path ? 0 : -ENOMEM;

	while (!err && *slash && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		err = make_dir(path);
		*slash = '/';
	}
	free(path);
	return err ? err : make_dir(dir);
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0 && errno == ENOENT) {
		err = make_dirs(dir);
		if (err)
			return err;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static char *make_prefix(const char *comm, uint32_t pid)
{
	char *prefix;
	char *p;
	int n = asprintf(&prefix, "%s.%u", comm, pid);

	if (n < 0)
		return NULL;
	for (p = prefix; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '/' || *p == 0x7f)
			*p = '_';
	// A file that begins with a dot would be hidden.
	if (prefix[0] == '.')
		prefix[0] = '_';
	return prefix;
}

// NNN of NAME when it is PREFIX.KIND.NNN.pb.gz, else 0.
static unsigned number_of(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	unsigned long number;
	char *end;

	if (strncmp(name, prefix, n) || name[n] != '.')
		return 0;
	name = strchr(name + n + 1, '.');
	if (!name)
		return 0;
	number = strtoul(name + 1, &end, 10);
	if (strcmp(end, ".pb.gz") || number > OUT_NUMBER_MAX)
		return 0;
	return (unsigned)number;
}

static int find_number(struct out *o)
{
	int fd = dup(o->dir_fd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	o->number = 1;
	while ((e = readdir(d))) {
		unsigned number = number_of(e->d_name, o->prefix);

		if (number >= o->number)
			o->number = number + 1;
	}
	closedir(d);
	return 0;
}

int out_open(const char *dir, const char *comm, uint32_t pid, struct out *ret)
{
	struct out o = {.dir_fd = open_dir(dir)};
	int err;

	if (o.dir_fd < 0)
		return o.dir_fd;
	o.dir = realpath(dir, NULL);
	o.prefix = make_prefix(comm, pid);
	err = o.dir && o.prefix ? find_number(&o) : -ENOMEM;
	if (err) {
		out_close(&o);
		return err;
	}
	*ret = o;
	return 0;
}

void out_close(struct out *o)
{
	close(o->dir_fd);
	free(o->dir);
	free(o->prefix);
}

int out_check(const char *dir)
{
	char *path = strdup(dir);
	char *slash;
	int err;

	if (!path)
		return -ENOMEM;
	// The first of it and its parents that is there decides.
	for (;;) {
		err = faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS)
			      ? -errno
			      : 0;
		slash = strrchr(path, '/');
		if (err != -ENOENT || !slash || !slash[slash == path])
			break;
		slash[slash == path] = '\0';
	}
	free(path);
	return err;
}

int out_write_all(int fd, const char *data, size_t n_bytes)
{
	while (n_bytes) {
		ssize_t n = write(fd, data, n_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		n_bytes -= (size_t)n;
	}
	return 0;
}

static int write_temporary(const struct out *o, const char *name,
			   const struct buf *data)
{
	int fd = openat(o->dir_fd, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	int err;

	if (fd < 0)
		return -errno;
	err = out_write_all(fd, data->data, data->n_bytes);
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (err)
		(void)unlinkat(o->dir_fd, name, 0);
	return err;
}

// Not every file system can rename without replacing: link() refuses as well.
static int rename_new(const struct out *o, const char *from, const char *to)
{
	if (!renameat2(o->dir_fd, from, o->dir_fd, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(o->dir_fd, from, o->dir_fd, to, 0))
		return -errno;
	return unlinkat(o->dir_fd, from, 0) ? -errno : 0;
}

// Gives the file TEMPORARY the first free name of KIND, written to NAME.
static int publish(struct out *o, const char *temporary, const char *kind,
		   char name[OUT_NAME_BYTES])
{
	int err = -EEXIST;

	for (; err == -EEXIST && o->number <= OUT_NUMBER_MAX;
	     o->number += err == -EEXIST) {
		int n = snprintf(name, OUT_NAME_BYTES, "%s.%s.%03u.pb.gz",
				 o->prefix, kind, o->number);

		if (n < 0 || n >= OUT_NAME_BYTES)
			return -ENAMETOOLONG;
		err = rename_new(o, temporary, name);
	}
	if (err)
		return err;
	return fsync(o->dir_fd) && errno != EINVAL ? -errno : 0;
}

// Writes DATA under the first free temporary name, written to NAME.
static int write_new(const struct out *o, const struct buf *data,
		     char name[OUT_NAME_BYTES])
{
	static _Atomic unsigned x_serial; // two threads, two temporary names
	int err = -EEXIST;

	for (int i = 0; err == -EEXIST && i < OUT_TEMPORARY_TRIES; i++) {
		snprintf(name, OUT_NAME_BYTES, ".cprof.%d.%u.tmp",
			 (int)getpid(),
			 atomic_fetch_add_explicit(&x_serial, 1,
						   memory_order_relaxed));
		err = write_temporary(o, name, data);
	}
	return err;
}

int out_write(struct out *o, const char *kind, const struct buf *data,
	      char **ret_path)
{
	char temporary[OUT_NAME_BYTES], name[OUT_NAME_BYTES];
	char *path;
	int err;

	err = write_new(o, data, temporary);
	if (err)
		return err;
	err = publish(o, temporary, kind, name);
	if (err) {
		(void)unlinkat(o->dir_fd, temporary, 0);
		return err;
	}
	// The root has its slash.
	if (asprintf(&path, "%s/%s", o->dir[1] ? o->dir : "", name) < 0)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

int out_write_to(const char *path, const struct buf *data)
{
	const char *name = strrchr(path, '/') + 1;
	char *dir = strndup(path, (size_t)(name - path));
	struct out o = {.dir_fd = dir ? open_dir(dir) : -ENOMEM};
	char temporary[OUT_NAME_BYTES];
	int err;

	free(dir);
	if (o.dir_fd < 0)
		return o.dir_fd;
	err = write_new(&o, data, temporary);
	if (!err) {
		// The sandbox knows no rename that replaces.
		(void)unlinkat(o.dir_fd, name, 0);
		err = rename_new(&o, temporary, name);
		if (err)
			(void)unlinkat(o.dir_fd, temporary, 0);
	}
	if (!err && fsync(o.dir_fd) && errno != EINVAL)
		err = -errno;
	close(o.dir_fd);
	return err;
}

// Opens the folder of PATH, and looks at both. The descriptor, or negative
// errno.
static int open_place(const char *path, struct out_file *ret_file)
{
	const char *name = strrchr(path, '/') + 1;
	char *dir = strndup(path, (size_t)(name - path));
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int err = dir ? -errno : -ENOMEM;
	struct stat folder, file;

	free(dir);
	if (fd < 0)
		return err;
	if (fstat(fd, &folder) ||
	    fstatat(fd, name, &file, AT_SYMLINK_NOFOLLOW)) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_file = (struct out_file){
		.folder_dev = folder.st_dev,
		.folder_inode = folder.st_ino,
		.dev = file.st_dev,
		.inode = file.st_ino,
		.changed = file.st_mtim,
		.n_bytes = (uint64_t)file.st_size,
	};
	return fd;
}

int out_identify(const char *path, struct out_file *ret_file)
{
	int fd = open_place(path, ret_file);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static bool is_same(const struct out_file *a, const struct out_file *b)
{
	return a->folder_dev == b->folder_dev &&
	       a->folder_inode == b->folder_inode && a->dev == b->dev &&
	       a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

int out_remove(const char *path, const struct out_file *file)
{
	struct out_file now;
	int fd = open_place(path, &now);
	int err = -ESTALE;

	if (fd < 0)
		return fd;
	// What its owner does between this look and the next line, he does in
	// this one folder.
	if (is_same(&now, file))
		err = unlinkat(fd, strrchr(path, '/') + 1, 0) ? -errno : 0;
	close(fd);
	return err;
}
