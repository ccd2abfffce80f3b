// SPDX-License-Identifier: Apache-2.0
//
// Two small files a thread: status, and of one that sleeps syscall or, where
// that is not to be read, wchan. They are opened from the folder of all, and
// read without stdio: of 1,000 threads that is what a roll call costs most.
#include "collector/task.h"

#include "collector/mem.h"
#include "proto/region.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT_BYTES 4096

// Reads TID/NAME. Its length, or negative errno.
static int read_file(DIR *tasks, uint32_t tid, const char *name,
		     char ret_text[TEXT_BYTES])
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%u/%s", tid, name);
	fd = openat(dirfd(tasks), path, O_RDONLY | O_CLOEXEC);
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
	char *end;
	unsigned long long used = strtoull(at, &end, 10);
	unsigned long long most = *end == '/' ? strtoull(end + 1, NULL, 10) : 0;

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
	{"\nName:\t", read_name},      {"\nState:\t", read_state},
	{"\nNSpid:\t", read_own_tid},  {"\nSigQ:\t", read_queue},
	{"\nSigBlk:\t", read_blocked}, {"\nSigCgt:\t", read_caught},
	{"\nSeccomp:\t", read_mode},   {"\nSeccomp_filters:\t", read_filters},
};

#define N_STATUS_LINES (sizeof(status_lines) / sizeof(*status_lines))

// TEXT begins with a line feed. The lines stand in the order of the table; one
// that a kernel doesn't have is passed over.
static void read_status(const char *text, struct task *t)
{
	for (size_t i = 0; i < N_STATUS_LINES; i++) {
		const char *found = strstr(text, status_lines[i].name);

		if (!found)
			continue;
		text = found + strlen(status_lines[i].name);
		status_lines[i].read(text, t);
	}
}

// "nr a0 a1 a2 a3 a4 a5 sp pc", "-1 sp pc", or "running".
static void read_call(const char *text, struct task *t)
{
	uint64_t numbers[TASK_ARGS + 2];
	char *end;
	long long nr = strtoll(text, &end, 10);

	if (end == text || nr < 0)
		return;
	for (size_t i = 0; i < TASK_ARGS + 2; i++) {
		text = end;
		numbers[i] = strtoull(text, &end, 16);
		if (end == text)
			return;
	}
	t->has_call = true;
	t->call = nr;
	memcpy(t->args, numbers, sizeof(t->args));
	t->pc = numbers[TASK_ARGS + 1];
}

static void read_place(const char *text, struct task *t)
{
	if (strcmp(text, "0"))
		snprintf(t->place, sizeof(t->place), "%.*s",
			 (int)sizeof(t->place) - 1, text);
}

int task_read(DIR *tasks, uint32_t tid, struct task *ret)
{
	char text[1 + TEXT_BYTES] = "\n";
	int n = read_file(tasks, tid, "status", text + 1);

	*ret = (struct task){.tid = tid, .own_tid = tid};
	if (n <= 0)
		return n ? n : -ESRCH;
	read_status(text, ret);
	if (ret->state != 'S' && ret->state != 'D')
		return 0;
	if (read_file(tasks, tid, "syscall", text) > 0)
		read_call(text, ret);
	if (!ret->has_call && read_file(tasks, tid, "wchan", text) > 0)
		read_place(text, ret);
	return 0;
}

int task_open(uint32_t pid, DIR **ret)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	*ret = opendir(path);
	return *ret ? 0 : -errno;
}

int task_list(DIR *tasks, size_t max, uint32_t **ret, size_t *ret_n)
{
	uint32_t *tids = NULL, *grown;
	size_t capacity = 0, n = 0;
	struct dirent *e;

	while (n < max && (e = readdir(tasks))) {
		if (*e->d_name == '.')
			continue;
		grown = mem_grow(tids, &capacity, n + 1, sizeof(*tids));
		if (!grown)
			break;
		tids = grown;
		tids[n++] = (uint32_t)strtoul(e->d_name, NULL, 10);
	}
	if (!n) {
		free(tids);
		return -ESRCH;
	}
	*ret = tids;
	*ret_n = n;
	return 0;
}

// The kernel takes such a signal from another process only with a code below 0,
// and only for a thread of that process.
int task_ask(uint32_t pid, uint32_t tid, int sig, uint32_t request)
{
	siginfo_t si = {.si_signo = sig, .si_code = SI_QUEUE};

	si.si_pid = getpid();
	si.si_uid = getuid();
	si.si_value.sival_ptr = (void *)(uintptr_t)(REGION_ASK | request);
	return syscall(SYS_rt_tgsigqueueinfo, pid, tid, sig, &si) ? -errno : 0;
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
