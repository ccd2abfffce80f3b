// SPDX-License-Identifier: Apache-2.0
//
// Two shims may start two collectors at once, and one may be ending while the
// next begins: the lock decides, and a loser looks whether the winner really
// serves before it gives up.
#include "collector/listen.h"

#include "collector/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

// Programs that start together wait here; net.core.somaxconn may allow less.
#define BACKLOG		4096
#define LOCK_NAME_BYTES (SOCKET_NAME_MAX_BYTES + 8)
#define LOCK_TRIES	200
#define LOCK_PAUSE_NS	10000000

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memcpy(a.sun_path, path, strlen(path));
	return a;
}

static bool is_served(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a));

	if (fd >= 0)
		close(fd);
	return is;
}

// Locks, or finds out that the holder serves. A holder that does neither for
// two seconds is taken for one that serves.
static int take_lock(int fd, const char *path)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_NS};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (is_served(path))
			return -EADDRINUSE;
		(void)nanosleep(&pause, NULL);
	}
	return -EADDRINUSE;
}

static void lock_name(const char *path, char ret_name[LOCK_NAME_BYTES])
{
	snprintf(ret_name, LOCK_NAME_BYTES, "%s.lock", path);
}

static int open_lock(const char *path)
{
	char name[LOCK_NAME_BYTES];
	int fd, err;

	lock_name(path, name);
	fd = paths_open_own(name, O_RDWR);
	if (fd < 0)
		return fd;
	err = take_lock(fd, path);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int bind_at(int fd, const char *path)
{
	struct sockaddr_un a = address(path);

	if (unlink(path) && errno != ENOENT)
		return -errno;
	// bind() takes the mode of the name from the descriptor: the socket is
	// closed to others from its first moment on.
	if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    listen(fd, BACKLOG))
		return -errno;
	return 0;
}

// Listens at L's path with a new descriptor. 0 or negative errno.
static int open_socket(struct listener *l)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	int err;

	if (fd < 0)
		return -errno;
	err = bind_at(fd, l->path);
	if (!err && lstat(l->path, &st))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	l->fd = fd;
	l->dev = st.st_dev;
	l->inode = st.st_ino;
	return 0;
}

// Takes the name away if it is still that of our socket: somebody may have
// removed the folder and begun anew, lock and all.
static void remove_name(const struct listener *l)
{
	struct stat st;

	// The service manager's stays, for the next of us.
	if (!l->is_given && !lstat(l->path, &st) && st.st_dev == l->dev &&
	    st.st_ino == l->inode)
		(void)unlink(l->path);
}

// The first descriptor a service manager passes (sd_listen_fds(3)).
#define GIVEN_FD 3

static bool is_number(const char *text, unsigned long n)
{
	char *end;

	return text && *text && strtoul(text, &end, 10) == n && !*end;
}

// The socket at PATH that a service manager has made for us, or -1: there is
// none. The variables stay: a program we don't start can't be misled by them.
static int given_socket(const char *path)
{
	struct sockaddr_un a;
	socklen_t n = sizeof(a);

	if (!is_number(getenv("LISTEN_PID"), (unsigned long)getpid()) ||
	    !is_number(getenv("LISTEN_FDS"), 1))
		return -1;
	memset(&a, 0, sizeof(a));
	if (getsockname(GIVEN_FD, (struct sockaddr *)&a, &n) ||
	    a.sun_family != AF_UNIX || n > sizeof(a) ||
	    strncmp(a.sun_path, path, sizeof(a.sun_path)) ||
	    fcntl(GIVEN_FD, F_SETFD, FD_CLOEXEC) ||
	    fcntl(GIVEN_FD, F_SETFL, O_NONBLOCK))
		return -1;
	return GIVEN_FD;
}

static int take_socket(struct listener *l)
{
	int fd = given_socket(l->path);

	l->is_given = fd >= 0;
	if (!l->is_given)
		return open_socket(l);
	l->fd = fd;
	return 0;
}

int listen_open(struct listener *l, const char *path)
{
	int err = paths_folder(path);

	if (err)
		return err;
	snprintf(l->path, sizeof(l->path), "%s", path);
	l->lock_fd = open_lock(path);
	if (l->lock_fd < 0)
		return l->lock_fd;
	err = take_socket(l);
	if (err)
		close(l->lock_fd);
	return err;
}

void listen_close(struct listener *l)
{
	remove_name(l);
	close(l->fd);
	close(l->lock_fd);
}

bool listen_retire(struct listener *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};

	remove_name(l);
	return poll(&p, 1, 0) > 0;
}

int listen_restore(struct listener *l)
{
	int old_fd = l->fd;
	int err;

	if (l->is_given)
		return 0;
	err = open_socket(l);

	if (!err)
		close(old_fd);
	return err;
}

bool listen_is_lost(const struct listener *l)
{
	char name[LOCK_NAME_BYTES];
	struct stat ours, there;

	if (!lstat(l->path, &there) || errno != ENOENT)
		return false;
	lock_name(l->path, name);
	return !fstat(l->lock_fd, &ours) && !lstat(name, &there) &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

int listen_accept(struct listener *l)
{
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}
