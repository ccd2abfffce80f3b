// SPDX-License-Identifier: Apache-2.0
//
// A descriptor of maps that the process handed over works in any namespace and
// after a change of uid; the files it names may live in another mount
// namespace, be deleted or be replaced. So each candidate for a file is checked
// against the device and inode that maps tells.
#include "collector/maps.h"

#include "collector/elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// A process has at most vm.max_map_count (65,530) mappings unless root raised
// it; with long paths this is far more than they need.
#define MAPS_MAX_BYTES ((size_t)32 << 20)
#define MAPS_STEP      ((size_t)64 << 10)
#define VDSO_MAX_BYTES ((size_t)256 << 10)

static int read_text(int fd, char **ret_text)
{
	size_t n_bytes = 0, capacity = 0;
	char *text = NULL;

	for (;;) {
		ssize_t n;
		if (capacity - n_bytes < MAPS_STEP) {
			char *more = realloc(text, capacity + 4 * MAPS_STEP);
			if (!more)
				break;
			text = more;
			capacity += 4 * MAPS_STEP;
		}
		n = pread(fd, text + n_bytes, capacity - n_bytes - 1,
			  (off_t)n_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || n_bytes > MAPS_MAX_BYTES)
			break;
		n_bytes += (size_t)n;
	}
	if (n_bytes == 0) {
		free(text);
		return -ESRCH;
	}
	text[n_bytes] = '\0';
	*ret_text = text;
	return 0;
}

// The path field, cut loose from its line. maps pads it with blanks.
static char *take_path(char *at)
{
	static const char deleted[] = " (deleted)";
	size_t n;

	while (*at == ' ')
		at++;
	n = strlen(at);
	if (n >= sizeof(deleted) &&
	    !strcmp(at + n - (sizeof(deleted) - 1), deleted))
		at[n - (sizeof(deleted) - 1)] = '\0';
	return at;
}

// "start-limit perms offset major:minor inode   path". 1 when it is executable,
// 0 when not or unreadable.
static int parse_line(char *line, struct maps_entry *ret_entry)
{
	unsigned major_no, minor_no;
	char perms[5];
	int n = 0;
	struct maps_entry e = {0};

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu%n", &e.start, &e.limit,
		   perms, &e.file_offset, &major_no, &minor_no, &e.inode,
		   &n) != 7 ||
	    perms[2] != 'x' || e.limit <= e.start)
		return 0;
	e.path = take_path(line + n);
	e.dev = e.inode ? makedev(major_no, minor_no) : 0;
	if (!strcmp(e.path, "[vsyscall]"))
		return 0;
	*ret_entry = e;
	return 1;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

int maps_read(int fd, struct maps *ret_maps)
{
	struct maps m = {0};
	char *next;
	int error = read_text(fd, &m.text);

	if (error < 0)
		return error;
	m.entries = calloc(count_lines(m.text), sizeof(*m.entries));
	if (!m.entries) {
		free(m.text);
		return -ENOMEM;
	}
	for (char *line = m.text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		// Most lines are not executable: look before parsing.
		if (strstr(line, "x"))
			m.n_entries += (size_t)parse_line(
				line, &m.entries[m.n_entries]);
	}
	*ret_maps = m;
	return 0;
}

void maps_fini(struct maps *m)
{
	free(m->entries);
	free(m->text);
	*m = (struct maps){0};
}

// Is it the file that maps told of? On overlay file systems maps may tell the
// device of a lower layer, so there the inode alone has to do.
static bool is_mapped_file(const struct stat *st, const struct maps_entry *e)
{
	return st->st_ino == e->inode &&
	       (st->st_dev == e->dev || major(st->st_dev) == 0);
}

// Opens the plain file at PATH, which comes from a stranger: looked at before
// it is opened, since opening a device, a fifo or a terminal does something.
static int open_plain(const char *path, struct stat *ret_stat)
{
	int fd, at_fd = open(path, O_PATH | O_CLOEXEC);
	char link[32];

	if (at_fd < 0)
		return -errno;
	fd = -EPERM;
	if (!fstat(at_fd, ret_stat) && S_ISREG(ret_stat->st_mode)) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", at_fd);
		fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	}
	close(at_fd);
	return fd;
}

// The file at PATH if it is that of E; E NULL: any file will do.
static struct elf_file *try_path(const char *path, const struct maps_entry *e,
				 const char *name)
{
	struct elf_file *file = NULL;
	struct stat st;
	int fd = open_plain(path, &st);

	if (fd < 0)
		return NULL;
	if (e && !is_mapped_file(&st, e)) {
		close(fd);
		return NULL;
	}
	return elf_file_open(fd, name, &file) < 0 ? NULL : file;
}

static struct elf_file *try_both(const struct maps_process *process,
				 const char *path, const struct maps_entry *e)
{
	char name[PATH_MAX + 64];
	struct elf_file *file;

	if (path[0] != '/')
		return NULL;
	snprintf(name, sizeof(name), "/proc/%u/root%s", process->pid, path);
	file = try_path(name, e, path);
	return file ? file : try_path(path, e, path);
}

// The vdso has no file, and is the kernel's: every process has the same one, so
// ours is copied into a file. Reading theirs would be waiting for them: a page
// of their memory may be one that they never deliver.
static struct elf_file *open_vdso(const struct maps_entry *e)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	struct elf_file *file = NULL;
	uint64_t n_bytes;
	int fd;

	if (!h)
		return NULL;
	// The section headers are at its end.
	n_bytes = h->e_shoff + (uint64_t)h->e_shnum * h->e_shentsize;
	if (n_bytes > e->limit - e->start || n_bytes > VDSO_MAX_BYTES)
		return NULL;
	fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, h, n_bytes) == (ssize_t)n_bytes)
		(void)elf_file_open(fd, e->path, &file); // NULL says it all
	else if (fd >= 0)
		close(fd);
	return file;
}

struct elf_file *maps_open(const struct maps_process *process,
			   const struct maps_entry *e)
{
	char name[96];
	struct elf_file *file;

	if (!strcmp(e->path, "[vdso]"))
		return open_vdso(e);
	if (e->inode == 0 || e->path[0] != '/')
		return NULL;
	snprintf(name, sizeof(name), "/proc/%u/map_files/%lx-%lx", process->pid,
		 e->start, e->limit);
	file = try_path(name, NULL, e->path);
	if (file)
		return file;
	file = try_both(process, e->path, e);
	if (file)
		return file;
	// A deleted main program is still there as exe.
	snprintf(name, sizeof(name), "/proc/%u/exe", process->pid);
	return try_path(name, e, e->path);
}

struct elf_file *maps_open_path(const struct maps_process *process,
				const char *path)
{
	return try_both(process, path, NULL);
}
