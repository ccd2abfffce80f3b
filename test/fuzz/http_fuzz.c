// SPDX-License-Identifier: Apache-2.0
//
// Description: whatever is said over an HTTP connection is answered or closed,
// soon; no thread and no descriptor stays behind.
//
// The input is what a client sends before it closes its side, in the number of
// pieces that its first byte says, over the Unix socket or, by a bit of it,
// over what stands for TCP with a token. fuzz: -max_len=8192
#include "collector/http.h"
#include "collector/region.h"

#include "test/fuzz/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#define DEADLINE_MS 20000
// Of descriptors; a connection takes a few until its thread has gone.
#define FDS_MAX 300

static struct table table;
// Ending: who waits for a profile of some seconds gets what there is.
static struct query query = {.table = &table, .x_is_ending = 1};

static const struct http_access door = {.token = "t"};

static struct http *start(void)
{
	struct proc *p =
		session_new(session_hello(), open("/dev/null", O_RDONLY));
	struct region *region;
	struct http *h;

	table_init(&table);
	strcpy(p->comm, "me");
	p->pid = 7;
	REQUIRE(!region_new(&region_small, &region));
	REQUIRE(!region_grow(region));
	proc_use_region(p, region);
	region->status->x_attached = 1;
	REQUIRE(!table_add(&table, p));
	h = http_new(&query, &door);
	REQUIRE(h && !http_start(h));
	return h;
}

static unsigned n_ok; // answers: 200

static void read_all(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char bytes[65536];
	ssize_t n_got;

	do {
		int n;

		do {
			n = poll(&p, 1, DEADLINE_MS);
		} while (n < 0 && errno == EINTR); // libFuzzer's own alarm
		REQUIRE(n == 1);
		n_got = recv(fd, bytes, sizeof(bytes), 0);
		n_ok += n_got > 12 && !memcmp(bytes, "HTTP/1.1 200", 12);
	} while (n_got > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static struct http *http;
	size_t n_piece = n_bytes ? n_bytes / (data[0] % 4 + 1u) + 1 : 1;
	int fds[2];

	if (!http)
		http = start();
	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	REQUIRE(fds[1] < FDS_MAX);
	if (n_bytes && data[0] & 4)
		http_add_tcp(http, fds[0]);
	else
		http_add(http, fds[0]);
	for (size_t at = 1; at < n_bytes; at += n_piece) {
		size_t n = n_bytes - at < n_piece ? n_bytes - at : n_piece;

		// It may have been closed already.
		if (send(fds[1], data + at, n, MSG_NOSIGNAL) < 0)
			break;
	}
	shutdown(fds[1], SHUT_WR);
	read_all(fds[1]);
	close(fds[1]);
	return 0;
}

static void write_seeds(void)
{
	static const char *const requests[] = {
		"GET /api/ps",
		"GET /api/ended?pid=3",
		"GET /7/api/stats",
		"GET /api/stats?pid=7",
		"POST /comm/me/api/set?heap.rate=1k&cpu.hz=10",
		"POST /7/api/dump",
		"POST /7/api/stop",
		"GET /debug/pprof/heap?comm=me",
		"GET /7/debug/pprof/profile?seconds=1&hz=500",
		"GET /7/debug/pprof/mutex?seconds=x",
		"HEAD /7/debug/pprof/block",
		"GET /7//debug/../debug/pprof/heap?token=t",
		"GET /comm/me/debug/pprof/allocs?seconds=1&token=t",
		"POST /7/debug/pprof/block?token=t",
		"GET /7/debug/pprof/cmdline?token=t",
		"GET /7/debug/pprof/symbol?0x401000+12+x+0",
		"GET /7/debug/pprof/heap?debug=1",
		"GET /comm/me/debug/pprof/threadcreate?debug=1&token=t",
		"GET /7/debug/pprof/",
		"GET /?token=t",
		"GET /speedscope/index.html",
		"POST /7/debug/pprof/symbol",
	};
	// Of a body that is a form, and of who asks; a refusal is one more.
	static const char *const heads[] = {
		"",
		("Content-Type: application/x-www-form-urlencoded\r\n"
		 "Content-Length: 19\r\n"),
		"Authorization: Basic eDp0\r\n",
		"Authorization: Bearer t\r\nOrigin: http://x\r\n",
	};
	char text[512], name[16];

	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		unsigned head = i / 3 % 4;
		int n = snprintf(text, sizeof(text),
				 "%c%s HTTP/1.1\r\nHost: x\r\n%s"
				 "Connection: close\r\n\r\n%s",
				 (int)i, requests[i], heads[head],
				 head == 1 ? "seconds=1&debug=%31" : "");

		snprintf(name, sizeof(name), "%zu", i);
		fuzz_seed(name, text, (size_t)n);
		LLVMFuzzerTestOneInput((uint8_t *)text, (size_t)n);
	}
	REQUIRE(n_ok >= 6); // most of them are good
}
