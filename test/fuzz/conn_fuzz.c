// SPDX-License-Identifier: Apache-2.0
//
// Description: whatever comes over the collector's socket, with or without
// descriptors, the connection ends in a hello, a goodbye, an HTTP connection or
// nothing, and no memory and no descriptor is lost. A hello becomes a session
// of which everything can be asked.
//
// The input is what a client sends; its first byte says in how many pieces, and
// whether the files of /proc that a hello should bring come with it.
// fuzz: -max_len=70000
#include "collector/conn.h"

#include "proto/version.h"
#include "test/fuzz/session.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned n_hellos;

static void on_hello(void *context, struct conn_hello *h)
{
	union ringread_record r = {
		.header = {.size_bytes = sizeof(struct record),
			   .type = RECORD_CPU,
			   .value = 1,
			   .aux = 10000000}};
	struct proc *p;

	(void)context;
	n_hellos++;
	close(h->fd);
	if (h->maps_fd >= 0)
		close(h->maps_fd);
	if (h->mem_fd >= 0)
		close(h->mem_fd);
	p = session_new(h->hello, open("/dev/null", O_RDONLY));
	drain_start(p);
	ingest_record(&p->ingest, &r);
	session_use(p);
	proc_unref(p);
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
		       const int *fds_or_null)
{
	int fds[3];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	struct iovec part = {(void *)(uintptr_t)data, n_bytes};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};

	if (fds_or_null) {
		struct cmsghdr *c;

		memcpy(fds, fds_or_null, sizeof(fds));
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

// The pieces of an input, with descriptors at the first.
static void send_all(struct conns *conns, int fd, const uint8_t *data,
		     size_t n_bytes)
{
	const uint8_t how = n_bytes ? *data : 0;
	const size_t n_piece = n_bytes / (how % 16 + 1u) + 1;
	int fds[3] = {0, 1, 2};

	if (how & 0x40) {
		fds[0] = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
		fds[1] = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	}
	for (size_t at = n_bytes ? 1 : 0; at < n_bytes; at += n_piece) {
		size_t n = n_bytes - at < n_piece ? n_bytes - at : n_piece;

		send_piece(fd, data + at, n, at == 1 ? fds : NULL);
		for (int i = 0; i < 3 && conns->n; i++)
			(void)loop_wait(conns->loop, 0);
	}
	if (how & 0x40) {
		close(fds[0]);
		close(fds[1]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static const struct conn_handler handler = {.on_hello = on_hello,
						    .on_bye = on_bye,
						    .on_listen = on_http,
						    .on_http = on_http};
	const int lowest_fd = lowest_free_fd();
	struct loop loop;
	struct conns conns;
	int fds[2];

	REQUIRE(!loop_init(&loop));
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	conns_init(&conns, &loop, &handler);
	conns_add(&conns, fds[0]);
	send_all(&conns, fds[1], data, n_bytes);
	close(fds[1]);
	for (int i = 0; i < 8 && conns.n; i++)
		(void)loop_wait(&loop, 0);
	REQUIRE(!conns.n); // the client has gone, and that was noticed
	conns_fini(&conns);
	loop_fini(&loop);
	REQUIRE(lowest_free_fd() == lowest_fd);
	return 0;
}

static size_t make_hello(uint8_t *ret_bytes)
{
	static char home[] = "HOME=/root", dir[] = "/tmp/%p/%{HOME}";
	static char cwd[] = "/tmp", labels[] = "a=b";
	static char *environment[] = {home, cwd};
	Cprof__Hello h = CPROF__HELLO__INIT;
	struct wire_header header = {WIRE_MAGIC, PROTO_VERSION, WIRE_HELLO, 0};

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

static void write_seeds(void)
{
	static const char http[] = "\0GET /api/ps HTTP/1.1\r\nHost: x\r\n\r\n";
	static uint8_t hello[4096];
	size_t n_hello = make_hello(hello);

	LLVMFuzzerTestOneInput(hello, n_hello);
	REQUIRE(n_hellos == 1); // a good one is understood
	fuzz_seed("hello", hello, n_hello);
	hello[0] = 0x47;
	fuzz_seed("pieces", hello, n_hello);
	fuzz_seed("http", http, sizeof(http) - 1);
}
