// SPDX-License-Identifier: Apache-2.0
//
// Naive: keeps a socket and sends on every 16th malloc. NAIVE_MODE=write: by
// plain write(), which raises SIGPIPE and goes wherever the number leads now;
// block: by a send that waits for room; otherwise a send that doesn't.
// NAIVE_SOCK: a socket to connect to instead of a pair of its own.
#include "test/hook/naive/naive.h"

#include <sys/socket.h>
#include <sys/un.h>

enum { RECORD_BYTES = 64 };

static int fd = -1, is_write, send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;
static unsigned n_calls;
static NAIVE_TLS int is_inside;

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);
	char record[RECORD_BYTES];

	if (fd < 0 || is_inside || ++n_calls % 16)
		return p;
	is_inside = 1;
	memset(record, 'S', sizeof(record));
	if (is_write)
		(void)!write(fd, record, sizeof(record));
	else
		send(fd, record, sizeof(record), send_flags);
	is_inside = 0;
	return p;
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("NAIVE_SOCK");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int pair[2];

	is_write = naive_is("NAIVE_MODE", "write");
	if (naive_is("NAIVE_MODE", "block"))
		send_flags = MSG_NOSIGNAL;
	if (!path) {
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
		fd = pair[0];
		return;
	}
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		fd = -1;
}
