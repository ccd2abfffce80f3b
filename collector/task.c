// SPDX-License-Identifier: Apache-2.0
//
// Three small files a thread: status, and of one that sleeps syscall and, where
// that is not to be read, wchan.
#include "collector/task.h"

#include "collector/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_BYTES 4096

// Reads /proc/PID/task/TID/NAME. Its length, or negative errno.
static int read_file(uint32_t pid, uint32_t tid, const char *name,
		     char ret_text[TEXT_BYTES])
{
	char path[96];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, ret_text, TEXT_BYTES - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n >= 0)
		ret_text[n] = '\0';
	return (int)n;
}

static void read_name(const char *at, struct task *t)
{
	size_t n = strcspn(at, "\n");

	if (n >= sizeof(t->name))
		n = sizeof(t->name) - 1;
	memcpy(t->name, at, n);
}

// "NSpid: outer ... inner": the last is the thread's own.
static void read_own_tid(const char *at, struct task *t)
{
	char *end;

	for (;;) {
		unsigned long n = strtoul(at, &end, 10);

		if (end == at)
			return;
		t->own_tid = (uint32_t)n;
		at = end;
		if (*at == '\n')
			return;
	}
}

// "SigQ: used/most".
static void read_queue(const char *at, struct task *t)
{
	unsigned long long used, most;

	if (sscanf(at, "%llu/%llu", &used, &most) == 2)
		t->n_signals_left = most > used ? most - used : 0;
}

static void read_state(const char *at, struct task *t)
{
	t->state = *at;
}

static void read_blocked(const char *at, struct task *t)
{
	t->blocked = strtoull(at, NULL, 16);
}

static void read_caught(const char *at, struct task *t)
{
	t->caught = strtoull(at, NULL, 16);
}

static void read_mode(const char *at, struct task *t)
{
	t->seccomp_mode = strtoull(at, NULL, 10);
}

static void read_filters(const char *at, struct task *t)
{
	t->seccomp_filters = strtoull(at, NULL, 10);
}

static const struct status_line {
	const char *name;
	void (*read)(const char *at, struct task *t);
} status_lines[] = {
	{"Name:\t", read_name},	     {"State:\t", read_state},
	{"NSpid:\t", read_own_tid},  {"SigQ:\t", read_queue},
	{"SigBlk:\t", read_blocked}, {"SigCgt:\t", read_caught},
	{"Seccomp:\t", read_mode},   {"Seccomp_filters:\t", read_filters},
};

#define N_STATUS_LINES (sizeof(status_lines) / sizeof(*status_lines))

// The lines stand in the order of the table.
static void read_status(const char *text, struct task *t)
{
	size_t i = 0;

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		for (size_t k = i; k < N_STATUS_LINES; k++) {
			const char *name = status_lines[k].name;

			if (strncmp(at, name, strlen(name)))
				continue;
			status_lines[k].read(at + strlen(name), t);
			i = k + 1;
			break;
		}
	}
}

// "nr a0 a1 a2 a3 a4 a5 sp pc", "-1 sp pc", or "running".
static void read_call(const char *text, struct task *t)
{
	unsigned long long a[TASK_ARGS], sp, pc;
	long long nr;

	if (sscanf(text, "%lld %llx %llx %llx %llx %llx %llx %llx %llx", &nr,
		   &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &sp, &pc) != 9 ||
	    nr < 0)
		return;
	t->has_call = true;
	t->call = nr;
	for (int i = 0; i < TASK_ARGS; i++)
		t->args[i] = a[i];
	t->pc = pc;
}

static void read_place(const char *text, struct task *t)
{
	if (strcmp(text, "0"))
		snprintf(t->place, sizeof(t->place), "%.*s",
			 (int)sizeof(t->place) - 1, text);
}

int task_read(uint32_t pid, uint32_t tid, struct task *ret)
{
	char text[TEXT_BYTES];
	int n = read_file(pid, tid, "status", text);

	*ret = (struct task){.tid = tid, .own_tid = tid};
	if (n <= 0)
		return n ? n : -ESRCH;
	read_status(text, ret);
	if (ret->state != 'S' && ret->state != 'D')
		return 0;
	if (read_file(pid, tid, "syscall", text) > 0)
		read_call(text, ret);
	if (!ret->has_call && read_file(pid, tid, "wchan", text) > 0)
		read_place(text, ret);
	return 0;
}

static int list_tids(uint32_t pid, size_t max, uint32_t **ret, size_t *ret_n)
{
	char path[64];
	size_t capacity = 0;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (*ret_n < max && (e = readdir(dir))) {
		uint32_t *list;

		if (*e->d_name == '.')
			continue;
		list = mem_grow(*ret, &capacity, *ret_n + 1, sizeof(*list));
		if (!list)
			break;
		*ret = list;
		list[(*ret_n)++] = (uint32_t)strtoul(e->d_name, NULL, 10);
	}
	closedir(dir);
	return *ret_n ? 0 : -ESRCH;
}

int task_list(uint32_t pid, size_t max, struct task **ret, size_t *ret_n)
{
	uint32_t *tids = NULL;
	struct task *list;
	size_t n_tids = 0, n = 0;
	int err = list_tids(pid, max, &tids, &n_tids);

	list = err ? NULL : calloc(n_tids, sizeof(*list));
	if (!err && !list)
		err = -ENOMEM;
	for (size_t i = 0; list && i < n_tids; i++)
		if (!task_read(pid, tids[i], &list[n]))
			n++;
	free(tids);
	if (err)
		return err;
	*ret = list;
	*ret_n = n;
	return 0;
}

void task_describe(const struct task *t, char *ret, size_t n_bytes)
{
	char *name = NULL;

	if (t->has_call)
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
							(int)t->call);
	if (name)
		snprintf(ret, n_bytes, "%s", name);
	else if (t->has_call)
		snprintf(ret, n_bytes, "system call %lld", (long long)t->call);
	else
		snprintf(ret, n_bytes, "%s", t->place);
	free(name);
}
