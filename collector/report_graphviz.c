// SPDX-License-Identifier: Apache-2.0
//
// Its input is a file in memory, so that only one pipe has to be read.
#include "collector/report_graphviz.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define READ_BYTES 65536

static int write_input(int fd, const struct buf *graph)
{
	size_t n_done = 0;

	while (n_done < graph->n_bytes) {
		ssize_t n = write(fd, graph->data + n_done,
				  graph->n_bytes - n_done);

		if (n < 0 && errno != EINTR)
			return -errno;
		n_done += n > 0 ? (size_t)n : 0;
	}
	return lseek(fd, 0, SEEK_SET) ? -errno : 0;
}

static int spawn_dot(int in, int out, pid_t *ret_pid)
{
	static char *const argv[] = {(char *)"dot", (char *)"-Tsvg", NULL};
	posix_spawn_file_actions_t actions;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return -err;
	err = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, out,
						       STDOUT_FILENO);
	if (!err)
		err = posix_spawnp(ret_pid, "dot", &actions, NULL, argv,
				   environ);
	(void)posix_spawn_file_actions_destroy(&actions); // always 0
	return -err;
}

static void read_output(int fd, struct buf *to)
{
	char *bytes = malloc(READ_BYTES);
	ssize_t n = 1;

	while (bytes && n) {
		n = read(fd, bytes, READ_BYTES);
		if (n > 0)
			buf_put(to, bytes, (size_t)n);
		if (n < 0 && errno != EINTR)
			break;
	}
	free(bytes);
}

static int run(int in, struct buf *to, struct report_error *error)
{
	int fds[2], status = -1, err;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return report_error_set(error, -errno, "no pipe: %s",
					strerror(errno));
	err = spawn_dot(in, fds[1], &pid);
	(void)close(fds[1]); // dot has its own
	if (!err) {
		read_output(fds[0], to);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	(void)close(fds[0]); // it was only read
	if (err == -ENOENT)
		return report_error_set(
			error, err,
			"dot is not installed; it comes with graphviz");
	if (err)
		return report_error_set(error, err, "cannot run dot: %s",
					strerror(-err));
	return status ? report_error_set(error, -EIO,
					 "dot could not draw the graph")
		      : 0;
}

int report_graphviz(const struct buf *graph, struct buf *to,
		    struct report_error *error)
{
	int fd = memfd_create("graph", MFD_CLOEXEC);
	int err;

	if (fd < 0)
		return report_error_set(error, -errno, "no memory file: %s",
					strerror(errno));
	err = write_input(fd, graph);
	if (err)
		(void)report_error_set(error, err, "cannot pass the graph: %s",
				       strerror(-err));
	else
		err = run(fd, to, error);
	(void)close(fd); // nothing depends on it
	return err;
}
