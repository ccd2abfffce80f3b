// SPDX-License-Identifier: Apache-2.0
//
// A program that becomes another one by exec is a new session of the same pid,
// which is followed in turn: the last trace is kept.
#include "collector/ctl_follow.h"

#include "collector/ctl_http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACE_SECONDS 86400u
// The pause after one that came, and the longest after those that did not.
#define STEP_MS	    2
#define STEP_MAX_MS 100

static bool write_all(int fd, const char *bytes, size_t n_bytes)
{
	size_t at = 0;

	if (ftruncate(fd, 0))
		return false;
	while (at < n_bytes) {
		ssize_t n = pwrite(fd, bytes + at, n_bytes - at, (off_t)at);

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

// True when a trace came.
static bool take(const char *socket, const char *path, int trace_fd)
{
	struct ctl_request request = {
		.socket = socket, .path = path, .wait_s = TRACE_SECONDS};
	struct ctl_reply reply;
	bool is_taken;

	if (ctl_http_send(&request, &reply))
		return false;
	is_taken = reply.http_status == 200 &&
		   write_all(trace_fd, reply.body, reply.n_bytes);
	ctl_http_free(&reply);
	return is_taken;
}

static bool has_ended(int end_fd, int step_ms)
{
	struct pollfd p = {.fd = end_fd};

	return poll(&p, 1, step_ms) > 0;
}

static void follow(const char *socket, pid_t pid, bool is_json,
		   const struct ctl_follow *f)
{
	char path[96];
	int step_ms = STEP_MS;

	(void)snprintf(path, sizeof(path), "/%d/debug/pprof/trace?seconds=%u%s",
		       (int)pid, TRACE_SECONDS, is_json ? "&format=json" : "");
	do {
		if (take(socket, path, f->trace_fd))
			step_ms = STEP_MS;
		else if (step_ms < STEP_MAX_MS / 2)
			step_ms *= 2;
		else
			step_ms = STEP_MAX_MS;
	} while (!has_ended(f->end_fd, step_ms));
}

int ctl_follow_start(const char *socket, pid_t pid, bool is_json,
		     struct ctl_follow *ret)
{
	struct ctl_follow f = {.trace_fd = memfd_create("trace", MFD_CLOEXEC)};
	int end[2], err;

	if (f.trace_fd < 0)
		return -errno;
	if (pipe2(end, O_CLOEXEC)) {
		err = -errno;
		(void)close(f.trace_fd);
		return err;
	}
	f.end_fd = end[0];
	f.helper = fork();
	if (!f.helper) {
		(void)close(end[1]);
		follow(socket, pid, is_json, &f);
		_exit(0);
	}
	err = f.helper < 0 ? -errno : 0;
	(void)close(end[0]);
	f.end_fd = end[1];
	*ret = f;
	if (err)
		ret->helper = 0;
	return err;
}

char *ctl_follow_end(struct ctl_follow *f, size_t *ret_n_bytes)
{
	struct stat st;
	char *bytes = NULL;

	(void)close(f->end_fd);
	while (waitpid(f->helper, NULL, 0) < 0 && errno == EINTR)
		;
	if (!fstat(f->trace_fd, &st) && st.st_size > 0)
		bytes = malloc((size_t)st.st_size);
	if (bytes &&
	    pread(f->trace_fd, bytes, (size_t)st.st_size, 0) != st.st_size) {
		free(bytes);
		bytes = NULL;
	}
	(void)close(f->trace_fd);
	*ret_n_bytes = bytes ? (size_t)st.st_size : 0;
	return bytes;
}
