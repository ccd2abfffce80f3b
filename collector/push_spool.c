// SPDX-License-Identifier: Apache-2.0
//
// A file is written under a name that is not listed, then renamed; so whoever
// reads the folder sees whole files only.
#include "collector/push_spool.h"

#include "collector/mem.h"
#include "collector/out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX	     ".push"
#define ASIDE	     ".aside"
#define TEMPORARY    ".cprof-push.new"
#define TIME_DIGITS  19
#define COUNT_DIGITS 10
#define ITEM_MAX     (256u << 20) // no profile is larger
#define NAME_PATTERN "%019" PRIu64 "-%010" PRIu32 SUFFIX

static int check_folder(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	return st.st_uid == geteuid() && !(st.st_mode & 077) ? 0 : -EPERM;
}

// Only names of our making: whatever else lies there is somebody's.
static bool is_named(const char *name, const char *suffix)
{
	static const char digits[] = "0123456789";
	size_t n = strlen(name);

	return n < PUSH_NAME_BYTES && strspn(name, digits) == TIME_DIGITS &&
	       name[TIME_DIGITS] == '-' &&
	       strspn(name + TIME_DIGITS + 1, digits) == COUNT_DIGITS &&
	       !strcmp(name + TIME_DIGITS + 1 + COUNT_DIGITS, suffix);
}

// One that waits for the server.
static bool is_waiting(const char *name)
{
	return is_named(name, SUFFIX);
}

// One that takes room.
static bool is_ours(const char *name)
{
	return is_waiting(name) || is_named(name, ASIDE);
}

static uint64_t size_of(const struct push_spool *s, const char *name)
{
	struct stat st;

	if (fstatat(s->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return 0;
	return (uint64_t)st.st_size;
}

static void count(struct push_spool *s, int64_t n_files, int64_t n_bytes)
{
	atomic_fetch_add_explicit(&s->status->x_spool_files, (uint64_t)n_files,
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&s->status->x_spool_bytes, (uint64_t)n_bytes,
				  memory_order_relaxed);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int add_name(struct push_names *n, const char *name)
{
	void *list =
		mem_grow(n->list, &n->capacity, n->n + 1, sizeof(*n->list));

	if (!list)
		return -ENOMEM;
	n->list = list;
	strcpy(n->list[n->n++], name);
	return 0;
}

// Those that IS_WANTED.
static int list_names(struct push_spool *s, bool (*is_wanted)(const char *),
		      struct push_names *ret)
{
	struct push_names names = {0};
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir)))
		if (is_wanted(entry->d_name))
			err = add_name(&names, entry->d_name);
	closedir(dir);
	if (err) {
		push_names_free(&names);
		return err;
	}
	if (names.n)
		qsort(names.list, names.n, sizeof(*names.list), compare);
	*ret = names;
	return 0;
}

int push_spool_names(struct push_spool *s, struct push_names *ret)
{
	return list_names(s, is_waiting, ret);
}

void push_names_free(struct push_names *n)
{
	free(n->list);
	*n = (struct push_names){0};
}

static int count_old(struct push_spool *s)
{
	struct push_names names;
	int err = list_names(s, is_ours, &names);

	if (err)
		return err;
	for (size_t i = 0; i < names.n; i++)
		count(s, 1, (int64_t)size_of(s, names.list[i]));
	push_names_free(&names);
	return 0;
}

int push_spool_open(const char *dir, uint64_t max_bytes,
		    struct push_status *status, struct push_spool *ret)
{
	struct push_spool s = {.max_bytes = max_bytes, .status = status};
	int err;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	s.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s.dir_fd < 0)
		return -errno;
	err = check_folder(s.dir_fd);
	// What was being written when an earlier collector died.
	if (!err && unlinkat(s.dir_fd, TEMPORARY, 0) && errno != ENOENT)
		err = -errno;
	if (!err)
		err = count_old(&s);
	if (err)
		close(s.dir_fd);
	else
		*ret = s;
	return err;
}

void push_spool_close(struct push_spool *s)
{
	close(s->dir_fd);
}

void push_spool_remove(struct push_spool *s, const char *name)
{
	uint64_t n_bytes = size_of(s, name);

	// The other side may have been first.
	if (!unlinkat(s->dir_fd, name, 0))
		count(s, -1, -(int64_t)n_bytes);
}

void push_spool_take_sending(struct push_spool *s,
			     char ret_name[PUSH_NAME_BYTES])
{
	char *sending = s->status->sending;

	memcpy(ret_name, sending, PUSH_NAME_BYTES - 1);
	ret_name[PUSH_NAME_BYTES - 1] = '\0';
	if (!is_waiting(ret_name))
		*ret_name = '\0';
	*sending = '\0';
}

int push_spool_set_aside(struct push_spool *s, const char *name,
			 char ret_name[PUSH_NAME_BYTES])
{
	if (!is_waiting(name))
		return -EINVAL;
	snprintf(ret_name, PUSH_NAME_BYTES, "%.*s" ASIDE,
		 TIME_DIGITS + 1 + COUNT_DIGITS, name);
	if (renameat2(s->dir_fd, name, s->dir_fd, ret_name, RENAME_NOREPLACE))
		return -errno;
	atomic_fetch_add_explicit(&s->status->x_set_aside, 1,
				  memory_order_relaxed);
	return 0;
}

static uint64_t n_bytes_now(const struct push_spool *s)
{
	return atomic_load_explicit(&s->status->x_spool_bytes,
				    memory_order_relaxed);
}

static void drop_oldest(struct push_spool *s, uint64_t n_needed)
{
	struct push_names names;

	if (list_names(s, is_ours, &names))
		return;
	for (size_t i = 0;
	     i < names.n && n_bytes_now(s) + n_needed > s->max_bytes; i++) {
		push_spool_remove(s, names.list[i]);
		atomic_fetch_add_explicit(&s->status->x_dropped, 1,
					  memory_order_relaxed);
	}
	push_names_free(&names);
}

static int write_file(struct push_spool *s, const struct buf *item,
		      const char *name)
{
	int fd = openat(s->dir_fd, TEMPORARY,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	int err;

	if (fd < 0)
		return -errno;
	err = out_write_all(fd, item->data, item->n_bytes);
	if (!err && fdatasync(fd))
		err = -errno;
	close(fd);
	if (!err &&
	    renameat2(s->dir_fd, TEMPORARY, s->dir_fd, name, RENAME_NOREPLACE))
		err = -errno;
	if (err)
		(void)unlinkat(s->dir_fd, TEMPORARY, 0);
	return err;
}

int push_spool_put(struct push_spool *s, const struct buf *item)
{
	char name[PUSH_NAME_BYTES];
	struct timespec now;
	int err = -EFBIG;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, sizeof(name), NAME_PATTERN,
		 (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
		 s->n_put++);
	if (item->n_bytes <= ITEM_MAX && item->n_bytes <= s->max_bytes) {
		if (n_bytes_now(s) + item->n_bytes > s->max_bytes)
			drop_oldest(s, item->n_bytes);
		err = write_file(s, item, name);
	}
	if (err)
		atomic_fetch_add_explicit(&s->status->x_dropped, 1,
					  memory_order_relaxed);
	else
		count(s, 1, (int64_t)item->n_bytes);
	return err;
}

static int read_all(int fd, struct buf *ret)
{
	char part[65536];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part)))) {
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			buf_put(ret, part, (size_t)n);
		if (ret->n_bytes > ITEM_MAX)
			return -EFBIG;
	}
	return buf_error(ret);
}

int push_spool_get(struct push_spool *s, const char *name, struct buf *ret)
{
	int fd = openat(s->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = read_all(fd, ret);
	close(fd);
	return err;
}
