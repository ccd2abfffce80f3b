// SPDX-License-Identifier: Apache-2.0
//
// Each file is read with one read() into a buffer: /proc makes a consistent
// text per read, and none of these is larger than a page.
#include "collector/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PROCFS_TEXT_BYTES 4096
#define KIB		  1024u

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int procfs_open(uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return open_path(path);
}

// Reads up to N_BYTES - 1 and ends them with a NUL. 0 or negative errno.
static int read_text(int fd, char *ret_text, size_t n_bytes)
{
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, ret_text, n_bytes - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n <= 0)
		return n ? (int)n : -ESRCH;
	ret_text[n] = '\0';
	return 0;
}

static int read_comm(int fd, char ret_comm[16])
{
	char text[64];
	int err = read_text(fd, text, sizeof(text));

	if (err)
		return err;
	text[strcspn(text, "\n")] = '\0';
	memset(ret_comm, 0, 16);
	memcpy(ret_comm, text, strnlen(text, 15));
	return 0;
}

int procfs_comm(uint32_t pid, char ret_comm[16])
{
	return read_comm(procfs_open(pid, "comm"), ret_comm);
}

int procfs_thread_comm(uint32_t pid, uint32_t tid, char ret_comm[16])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", pid, tid);
	return read_comm(open_path(path), ret_comm);
}

int procfs_stat(uint32_t pid, struct procfs_stat *ret)
{
	char text[PROCFS_TEXT_BYTES];
	int err = read_text(procfs_open(pid, "stat"), text, sizeof(text));
	unsigned long long start;
	unsigned parent;
	char *p;

	if (err)
		return err;
	// The name may hold anything, brackets and spaces too: fields count
	// from behind the last one. Field 4 is the parent, 22 the start time.
	p = strrchr(text, ')');
	if (!p || sscanf(p + 1,
			 " %*c %u %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u"
			 " %*d %*d %*d %*d %*d %*d %llu",
			 &parent, &start) != 2)
		return -EBADMSG;
	ret->parent_pid = parent;
	ret->start_ticks = start;
	return 0;
}

int procfs_status(uint32_t pid, const char *name, uint64_t *ret_value)
{
	char text[PROCFS_TEXT_BYTES];
	int err = read_text(procfs_open(pid, "status"), text, sizeof(text));
	size_t n = strlen(name);

	if (err)
		return err;
	for (char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, n))
			continue;
		*ret_value = strtoull(p + n, NULL, 10);
		return 0;
	}
	return -ENOENT;
}

uint64_t procfs_status_bytes(uint32_t pid, const char *name)
{
	uint64_t kib = 0;

	(void)procfs_status(pid, name, &kib);
	return kib * KIB;
}

int procfs_inner_pid(uint32_t pid, uint64_t *ret_pid)
{
	char text[PROCFS_TEXT_BYTES];
	int err = read_text(procfs_open(pid, "status"), text, sizeof(text));
	char *line = err ? NULL : strstr(text, "\nNSpid:");
	size_t n;

	if (!line)
		return err ? err : -ENOENT;
	// One a namespace, from the outermost inwards.
	line++;
	n = strcspn(line, "\n");
	line[n] = '\0';
	*ret_pid = strtoull(strrchr(line, '\t') + 1, NULL, 10);
	return 0;
}

bool procfs_thread_exists(uint32_t pid, uint32_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u", pid, tid);
	return !access(path, F_OK) || errno != ENOENT;
}

bool procfs_is_file(int fd, const char *name)
{
	char link[64], path[256];
	struct statfs fs;
	ssize_t n;
	char *slash;

	if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	return slash && !strcmp(slash + 1, name);
}
