// SPDX-License-Identifier: Apache-2.0
//
// Lines of text files; one that is missing is a 0, as on older kernels.
#include "collector/ctl_proc.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The rest of the line of PATH that begins with KEY. -errno where there is
// none.
static int read_line(const char *path, const char *key, char **ret_rest)
{
	FILE *f = fopen(path, "re");
	size_t n = strlen(key), size = 0;
	char *line = NULL;
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && getline(&line, &size, f) >= 0)
		if (!strncmp(line, key, n)) {
			*ret_rest = strdup(line + n);
			err = *ret_rest ? 0 : -ENOMEM;
		}
	free(line);
	(void)fclose(f); // it was only read
	return err;
}

// Field WHICH of the line, from 0 on; 0 where there is none.
static uint64_t number(const char *path, const char *key, int which, int base)
{
	char *rest, *at, *end;
	uint64_t v = 0;

	if (read_line(path, key, &rest))
		return 0;
	at = rest;
	for (int i = 0; i <= which; i++, at = end) {
		v = strtoull(at, &end, base);
		if (end == at)
			v = 0;
	}
	free(rest);
	return v;
}

static unsigned count_blocking(uint32_t pid, int sig)
{
	char path[PATH_MAX];
	unsigned n = 0;
	struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%u/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%u/task/%.16s/status",
			       pid, e->d_name);
		n += number(path, "SigBlk:", 0, 16) >> (sig - 1) & 1;
	}
	if (d)
		(void)closedir(d); // it was only read
	return n;
}

int ctl_proc_read(uint32_t pid, int sig, struct ctl_proc *ret_proc)
{
	char path[64], *rest;
	int err;

	(void)snprintf(path, sizeof(path), "/proc/%u/status", pid);
	err = read_line(path, "Pid:", &rest);
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	free(rest);
	*ret_proc = (struct ctl_proc){
		.uid = number(path, "Uid:", 1, 10),
		.seccomp = number(path, "Seccomp:", 0, 10),
		.inner_pid = number(path, "NSpid:", 1, 10),
		.ignored = number(path, "SigIgn:", 0, 16),
		.caught = number(path, "SigCgt:", 0, 16),
		.n_blocking = count_blocking(pid, sig),
	};
	ret_proc->has_inner_pid = ret_proc->inner_pid != 0;
	return 0;
}

int ctl_proc_maps(uint32_t pid, const char *part, char ret_name[PATH_MAX])
{
	char path[64], *line = NULL, *name;
	size_t size = 0;
	int err = -ENOENT;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	while (f && err && getline(&line, &size, f) >= 0) {
		name = strchr(line, '/');
		if (!name || !strstr(name, part))
			continue;
		name[strcspn(name, "\n")] = '\0';
		(void)snprintf(ret_name, PATH_MAX, "%s", name);
		err = 0;
	}
	free(line);
	if (f)
		(void)fclose(f); // it was only read
	return err;
}
