// SPDX-License-Identifier: Apache-2.0
//
// Description: whatever comes over the collector's socket, with or without
// descriptors, the connection ends in a hello, a goodbye, an HTTP connection or
// nothing, and no memory and no descriptor is lost.
//
// The input is what a client sends; its first byte says in how many pieces.
#include "collector/conn.h"

#include "test/fuzz/drive.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned n_hellos;

static void on_hello(void *context, struct conn_hello *h)
{
	(void)context;
	n_hellos++;
	close(h->fd);
	if (h->maps_fd >= 0)
		close(h->maps_fd);
	if (h->mem_fd >= 0)
		close(h->mem_fd);
	cprof__hello__free_unpacked(h->hello, NULL);
}

static void on_bye(void *context, const struct conn_peer *peer)
{
	(void)context;
	(void)peer;
}

static void on_http(void *context, int fd)
{
	(void)context;
	close(fd);
}

static int lowest_free_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void send_piece(int fd, const uint8_t *data, size_t n_bytes,
		       bool has_fds)
{
	int fds[3] = {0, 1, 2};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)data, n_bytes};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};

	if (has_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(c), fds, sizeof(fds));
	}
	if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static const struct conn_handler handler = {on_hello, on_bye, on_http,
						    NULL};
	const int lowest_fd = lowest_free_fd();
	unsigned n_pieces = n_bytes ? data[0] % 4 + 1 : 1;
	size_t n_piece = n_bytes / n_pieces + 1;
	struct loop loop;
	struct conns conns;
	int fds[2];

	if (loop_init(&loop) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		abort();
	conns_init(&conns, &loop, &handler);
	conns_add(&conns, fds[0]);
	for (size_t at = n_bytes ? 1 : 0; at < n_bytes; at += n_piece) {
		size_t n = n_bytes - at < n_piece ? n_bytes - at : n_piece;

		send_piece(fds[1], data + at, n, at == 1);
		for (int i = 0; i < 3 && conns.n; i++)
			(void)loop_wait(&loop, 0);
	}
	close(fds[1]);
	for (int i = 0; i < 8 && conns.n; i++)
		(void)loop_wait(&loop, 0);
	if (conns.n)
		abort(); // the client has gone and nobody noticed
	conns_fini(&conns);
	loop_fini(&loop);
	if (lowest_free_fd() != lowest_fd)
		abort();
	return 0;
}

#ifndef CPROF_LIBFUZZER
static size_t make_hello(uint8_t *ret_bytes)
{
	static char home[] = "HOME=/root", dir[] = "/tmp/%p/%{HOME}";
	static char cwd[] = "/tmp", labels[] = "a=b";
	static char *environment[] = {home, cwd};
	Cprof__Hello h = CPROF__HELLO__INIT;
	struct wire_header header = {WIRE_MAGIC, 1, WIRE_HELLO, 0};

	h.pid = 1;
	h.cmdline.data = (uint8_t *)(uintptr_t) "a\0-b";
	h.cmdline.len = 5;
	h.dir = dir;
	h.cwd = cwd;
	h.heap_rate = 4096;
	h.labels = labels;
	h.environment = environment;
	h.n_environment = 2;
	header.length_bytes = (uint32_t)cprof__hello__get_packed_size(&h);
	ret_bytes[0] = 0;
	memcpy(ret_bytes + 1, &header, sizeof(header));
	cprof__hello__pack(&h, ret_bytes + 1 + sizeof(header));
	return 1 + sizeof(header) + header.length_bytes;
}

int main(int argc, char **argv)
{
	static const char http[] = "\0GET /api/ps HTTP/1.1\r\nHost: x\r\n\r\n";
	static uint8_t hello[4096];
	struct drive_seed seeds[2];

	if (argc > 1)
		return drive_file(argv[1]);
	seeds[0] = (struct drive_seed){hello, make_hello(hello)};
	seeds[1] = (struct drive_seed){http, sizeof(http) - 1};
	if (LLVMFuzzerTestOneInput(hello, seeds[0].n_bytes) || n_hellos != 1) {
		fprintf(stderr, "a good hello is not understood\n");
		return 1;
	}
	return drive(seeds, 2);
}
#endif
