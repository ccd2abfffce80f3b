// SPDX-License-Identifier: Apache-2.0
//
// As little HTTP as will do: version 1.0, so that an answer ends with its
// connection and comes in one piece.
#include "preload/request.h"

#include "preload/dial.h"
#include "preload/greet.h"
#include "preload/launch.h"
#include "preload/sys.h"
#include "preload/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_NS	   30000000000ull
#define HEAD_BYTES 4096u
#define LINE_BYTES 256u

struct answer {
	int fd;
	uint64_t until_ns;
	uint64_t left;		     // of the body, by its length
	uint32_t n;		     // bytes in buffer
	char buffer[HEAD_BYTES + 1]; // and a NUL
};

static int send_line(int fd, const char *method, const char *path)
{
	char line[LINE_BYTES];
	struct text t;
	long n;

	text_init(&t, line, sizeof(line));
	text_add(&t, method);
	text_add(&t, " /self");
	text_add(&t, path);
	text_add(&t, " HTTP/1.0\r\n\r\n");
	if (strlen(line) + 1 == sizeof(line))
		return -ENAMETOOLONG;
	n = sys_call(SYS_sendto, fd, line, strlen(line), MSG_NOSIGNAL, 0, 0);
	return n == (long)strlen(line) ? 0 : n < 0 ? (int)n : -EIO;
}

// The next bytes, behind those there are; their number, 0 at the end.
static long receive(struct answer *a)
{
	long n;

	if (!greet_wait(a->fd, a->until_ns))
		return -ETIMEDOUT;
	n = sys_call(SYS_recvfrom, a->fd, a->buffer + a->n, HEAD_BYTES - a->n,
		     0, 0, 0);
	return n == -ECONNRESET ? -ENOTCONN : n;
}

static uint64_t number(const char *digits)
{
	uint64_t n = 0;

	for (; *digits >= '0' && *digits <= '9' && n < 1ull << 40; digits++)
		n = 10 * n + (uint64_t)(*digits - '0');
	return n;
}

static int error_of(uint64_t status)
{
	if (status == 200)
		return 0;
	if (status == 404)
		return -ENOENT;
	if (status == 500)
		return -EBUSY;
	return status >= 400 && status < 500 ? -EINVAL : -EIO;
}

// The first line and the length; what follows them is moved to the front.
static int read_head(struct answer *a)
{
	static const char length[] = "\r\nContent-Length: ";
	char *end, *at;
	int err;

	for (;;) {
		long n = receive(a);

		if (n <= 0)
			return n ? (int)n : -EIO;
		a->n += (uint32_t)n;
		a->buffer[a->n] = '\0';
		end = strstr(a->buffer, "\r\n\r\n");
		if (end)
			break;
		if (a->n == HEAD_BYTES)
			return -EIO; // a head is far shorter
	}
	*end = '\0';
	at = strstr(a->buffer, length);
	if (strncmp(a->buffer, "HTTP/1.", 7) || !at)
		return -EIO;
	err = error_of(number(a->buffer + 9));
	a->left = number(at + strlen(length));
	end += 4;
	a->n -= (uint32_t)(end - a->buffer);
	// Forwards, to lower addresses: it may overlap.
	sys_copy(a->buffer, end, a->n);
	return err;
}

// A pipe that nobody reads is not waited for without end, whether its
// descriptor blocks or not: what is written at once is no more than the room
// that it is said to have.
static int write_all(const struct answer *a, int fd)
{
	const char *bytes = a->buffer;
	uint32_t n = a->n;

	while (n) {
		long done;

		if (!greet_poll(fd, POLLOUT, a->until_ns))
			return -ETIMEDOUT;
		done = sys_call(SYS_write, fd, bytes, n);
		if (done < 0 && done != -EINTR && done != -EAGAIN)
			return (int)done;
		if (done > 0) {
			bytes += done;
			n -= (uint32_t)done;
		}
	}
	return 0;
}

static int read_body(struct answer *a, int fd)
{
	int err = 0;

	for (;;) {
		long n;

		if (fd >= 0)
			err = write_all(a, fd);
		if (err || a->n > a->left)
			return err ? err : -EIO;
		a->left -= a->n;
		a->n = 0;
		n = receive(a);
		if (n <= 0)
			return n ? (int)n : a->left ? -EIO : 0;
		a->n = (uint32_t)n;
	}
}

// One that is not would never be ready to be written to.
static bool is_for_writing(int fd)
{
	long flags = sys_call(SYS_fcntl, fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

int request_send(const char *method, const char *path, int fd)
{
	struct answer a = {.until_ns = sys_slow_now_ns() + WAIT_NS};
	const char *name = launch_socket_name();
	int err;

	if (fd >= 0 && !is_for_writing(fd))
		return -EBADF;
	a.fd = name ? dial_once(name) : -ENOTCONN;
	if (a.fd < 0)
		return -ENOTCONN;
	err = send_line(a.fd, method, path);
	if (!err)
		err = read_head(&a);
	if (!err)
		err = read_body(&a, fd);
	sys_close(a.fd);
	return err;
}
