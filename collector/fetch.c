// SPDX-License-Identifier: Apache-2.0
//
// Two ends of a socket pair: a build-id goes there; it comes back, with the
// descriptor of a file or without. The process there has libdebuginfod, loaded
// at run time, since most collectors never need it and its libraries.
#include "collector/fetch.h"

#include "collector/elf_file.h"
#include "collector/log.h"
#include "collector/sandbox.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LIBRARY	     "libdebuginfod.so.1"
#define WANTED_MAX   1024u // files asked for in the life of a collector
#define UNLIMITED_FD (~0u)
#define WAIT_STEP_MS 50

enum state { STATE_ASKED, STATE_THERE, STATE_NONE };

struct wanted {
	char build_id[ELF_BUILD_ID_CHARS];
	enum state state;
	int fd; // STATE_THERE
	int64_t asked_ms;
};

// Leaf lock; for all that follows. It is held while messages are received that
// are there already, never while one is waited for.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fetcher = -1; // our end; -1: nothing is fetched
static struct wanted wanted[WANTED_MAX];
static size_t n_wanted, n_asked;

// One message: a build-id, with a descriptor or without. FLAGS as sendmsg's.
static int put(int socket_fd, const char *build_id, int fd, int flags)
{
	char control[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec part = {(char *)build_id, ELF_BUILD_ID_CHARS};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *c;
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(socket_fd, &m, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
}

// 1: a message, with its descriptor or -1; 0: none, or the other end is gone.
static int get(int socket_fd, int flags, char ret_id[ELF_BUILD_ID_CHARS],
	       int *ret_fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {ret_id, ELF_BUILD_ID_CHARS};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	if (recvmsg(socket_fd, &m, flags | MSG_CMSG_CLOEXEC) !=
	    ELF_BUILD_ID_CHARS)
		return 0;
	ret_id[ELF_BUILD_ID_CHARS - 1] = '\0';
	*ret_fd = -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return 1;
}

// The fetching process, to its end: when the collector has gone.
static void serve(int socket_fd)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);
	__typeof__(debuginfod_begin) *begin =
		library ? dlsym(library, "debuginfod_begin") : NULL;
	__typeof__(debuginfod_find_debuginfo) *find =
		library ? dlsym(library, "debuginfod_find_debuginfo") : NULL;
	debuginfod_client *client = begin ? begin() : NULL;
	char build_id[ELF_BUILD_ID_CHARS];
	int fd;

	if (sandbox_enter(SANDBOX_NETWORK))
		log_info("debug files are fetched without a sandbox");
	if (!client || !find)
		log_error("can't fetch debug files: no '%s'", LIBRARY);
	while (get(socket_fd, 0, build_id, &fd)) {
		fd = -1;
		// Length 0: it is hex.
		if (client && find)
			fd = find(client, (const unsigned char *)build_id, 0,
				  NULL);
		if (put(socket_fd, build_id, fd, 0) < 0)
			break;
		if (fd >= 0)
			close(fd);
	}
}

static void become_fetcher(int socket_fd)
{
	// Nothing of the collector's stays with it: neither its lock nor its
	// listening socket.
	log_keep();
	if (dup2(socket_fd, STDERR_FILENO + 1) < 0 ||
	    close_range(STDERR_FILENO + 2, UNLIMITED_FD, 0) < 0)
		_exit(EXIT_FAILURE);
	(void)prctl(PR_SET_NAME, "cprofd-fetch");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	serve(STDERR_FILENO + 1);
	_exit(EXIT_SUCCESS);
}

void fetch_start(void)
{
	const char *urls = secure_getenv("DEBUGINFOD_URLS");
	int ends[2];
	pid_t pid;

	if (!urls || !*urls ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return;
	pid = fork();
	if (pid == 0)
		become_fetcher(ends[1]);
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		fetcher = ends[0];
	(void)unsetenv("DEBUGINFOD_URLS");
}

bool fetch_is_on(void)
{
	return fetcher >= 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct wanted *find_wanted(const char *build_id)
{
	for (size_t i = 0; i < n_wanted; i++)
		if (!strcmp(wanted[i].build_id, build_id))
			return &wanted[i];
	return NULL;
}

// Takes the answers that are there.
static void collect(void)
{
	char build_id[ELF_BUILD_ID_CHARS];
	int fd;

	while (n_asked > 0 && get(fetcher, MSG_DONTWAIT, build_id, &fd)) {
		struct wanted *w = find_wanted(build_id);
		// Nobody waits for it: the other end is not believed.
		if (!w || w->state != STATE_ASKED) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		w->state = fd < 0 ? STATE_NONE : STATE_THERE;
		w->fd = fd;
		n_asked--;
	}
}

static struct wanted *ask(const char *build_id)
{
	struct wanted *w = &wanted[n_wanted];

	if (n_wanted == WANTED_MAX || strlen(build_id) >= sizeof(w->build_id))
		return NULL;
	memset(w, 0, sizeof(*w));
	strcpy(w->build_id, build_id);
	w->asked_ms = now_ms();
	// Under the lock: nobody waits for room.
	if (put(fetcher, w->build_id, -1, MSG_DONTWAIT) < 0)
		return NULL;
	n_wanted++;
	n_asked++;
	return w;
}

int fetch_debuginfo(const char *build_id)
{
	struct wanted *w;
	int result = -ENOENT;

	if (fetcher < 0 || !build_id[0])
		return -ENOENT;
	pthread_mutex_lock(&lock);
	collect();
	w = find_wanted(build_id);
	if (!w)
		w = ask(build_id);
	if (w && w->state == STATE_ASKED)
		result = -EAGAIN;
	else if (w && w->state == STATE_THERE)
		result = dup(w->fd);
	pthread_mutex_unlock(&lock);
	return result;
}

// Is anything on its way that was asked for less than LIMIT_MS ago?
static bool is_waiting(int limit_ms)
{
	int64_t since_ms = now_ms() - limit_ms;
	bool is = false;

	pthread_mutex_lock(&lock);
	collect();
	for (size_t i = 0; i < n_wanted && n_asked > 0; i++)
		is |= wanted[i].state == STATE_ASKED &&
		      wanted[i].asked_ms > since_ms;
	pthread_mutex_unlock(&lock);
	return is;
}

void fetch_wait(int limit_ms)
{
	while (fetcher >= 0 && is_waiting(limit_ms)) {
		struct pollfd p = {.fd = fetcher, .events = POLLIN};
		// Several threads may wait for what one of them takes.
		(void)poll(&p, 1, WAIT_STEP_MS);
		if (p.revents & (POLLHUP | POLLERR))
			return;
	}
}
