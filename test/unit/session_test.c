// SPDX-License-Identifier: Apache-2.0
//
// Description: the collector, seen from the other end of its socket: a process
// that follows the protocol by hand gets its region, its records end in files
// however it ends, and who does not follow the protocol is turned away.
#include "collector/conn.h"
#include "collector/region.h"
#include "collector/server.h"
#include "proto/kind.h"
#include "proto/profile.pb-c.h"
#include "proto/setting.h"
#include "proto/version.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define DEADLINE_S 20
#define N_ALLOCS   1000

static char dir[64];
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static pid_t server_pid;

static int start_server(void **state)
{
	struct opts o = {.socket = address.sun_path, .log_level = LOG_OFF};

	(void)state;
	strcpy(dir, "/tmp/cprof-session-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	fflush(NULL);
	server_pid = fork();
	if (!server_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(server_run(&o)); // with the leak check of a sanitizer
	}
	return server_pid < 0;
}

static int stop_server(void **state)
{
	char command[128];
	int status;

	(void)state;
	kill(server_pid, SIGTERM);
	if (waitpid(server_pid, &status, 0) != server_pid || status)
		return -1;
	if (!access(address.sun_path, F_OK))
		return -1; // it takes its socket away
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int dial(void)
{
	for (int i = 0; i < DEADLINE_S * 100; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		close(fd);
		usleep(10000);
	}
	return -1;
}

// --- What a shim does -------------------------------------------------------

static void send_hello(int fd, Cprof__Hello *h)
{
	uint8_t bytes[4096];
	struct wire_header header = {WIRE_MAGIC, PROTO_VERSION, WIRE_HELLO, 0};
	int fds[2] = {open("/proc/self/maps", O_RDONLY | O_CLOEXEC),
		      open("/proc/self/mem", O_RDONLY | O_CLOEXEC)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	struct iovec part = {bytes, 0};
	struct msghdr msg = {.msg_iov = &part,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	header.length_bytes =
		(uint32_t)cprof__hello__pack(h, bytes + sizeof(header));
	memcpy(bytes, &header, sizeof(header));
	part.iov_len = sizeof(header) + header.length_bytes;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) != (ssize_t)part.iov_len)
		_exit(90);
	close(fds[0]);
	close(fds[1]);
}

// The type of the answer; *ret_fd is what came with it, or -1.
static int receive_answer(int fd, int *ret_fd)
{
	struct wire_header header;
	char body[512];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec parts[2] = {{&header, sizeof(header)},
				 {body, sizeof(body)}};
	struct msghdr msg = {.msg_iov = parts,
			     .msg_iovlen = 2,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c;

	*ret_fd = -1;
	if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) < (ssize_t)sizeof(header))
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (c)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return header.magic == WIRE_MAGIC ? header.type : -1;
}

static Cprof__Hello hello(void)
{
	Cprof__Hello h = CPROF__HELLO__INIT;

	h.pid = (uint32_t)getpid();
	h.dir = dir;
	h.cwd = dir;
	h.heap_rate = 1;
	h.stack_depth = 128;
	h.exit_kinds = (1 << KIND_N) - 1;
	h.follow = FOLLOW_EXEC | FOLLOW_FORK;
	return h;
}

static struct region_control *attach(Cprof__Hello *h)
{
	struct region_control *c;
	int fd = dial();
	int region_fd;

	send_hello(fd, h);
	if (receive_answer(fd, &region_fd) != WIRE_RING)
		_exit(91);
	close(fd);
	c = mmap(NULL, 4096, PROT_READ, MAP_SHARED, region_fd, 0);
	c = mmap(NULL, c->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		 region_fd, 0);
	close(region_fd);
	if (c == MAP_FAILED || c->magic != REGION_MAGIC)
		_exit(92);
	return c;
}

static struct region_status *status_of(struct region_control *c)
{
	return (struct region_status *)((char *)c + REGION_PAGE);
}

static void push(struct region_control *c, uint32_t stripe,
		 const struct record *r)
{
	struct stripe *s = (struct stripe *)((char *)c + c->stripes_offset);
	uint64_t head;

	s = (struct stripe *)((char *)s +
			      stripe * (sizeof(*s) + c->stripe_bytes));
	head = s->x_head;
	memcpy(s->data + (head & (c->stripe_bytes - 1)), r, sizeof(*r));
	s->x_head = head + sizeof(*r);
}

// N_ALLOCS blocks of 10 bytes, of which every second is freed, its record
// before the allocation's in reading order; one more free only in the table.
static void push_heap(struct region_control *c)
{
	struct record r = {.size_bytes = sizeof(r), .tid = 1, .aux = 1};
	_Atomic uint64_t *slots =
		(_Atomic uint64_t *)((char *)c + c->live_offset);
	_Atomic uint64_t *ids = (_Atomic uint64_t *)((char *)c + c->ids_offset);

	for (uint64_t id = 1; id <= N_ALLOCS; id++) {
		r.id = id;
		r.type = RECORD_ALLOC;
		r.value = 10;
		push(c, 5, &r);
		r.type = RECORD_FREE;
		if (id % 2)
			push(c, 2, &r);
	}
	ids[13] = 2;
	slots[13] = 0x1000 | LIVE_FREED;
	status_of(c)->x_counters[COUNTER_FREES_DEFERRED] = 1;
}

// --- What comes of it -------------------------------------------------------

static size_t gunzip(const char *path, uint8_t *bytes, size_t n_bytes)
{
	gzFile f = gzopen(path, "rb");
	int n;

	assert_non_null(f);
	n = gzread(f, bytes, (unsigned)n_bytes);
	gzclose(f);
	assert_true(n > 0);
	return (size_t)n;
}

// Sums a profile's values.
static void read_profile(const char *path, int64_t ret_sums[4])
{
	static uint8_t bytes[1 << 20];
	size_t n = gunzip(path, bytes, sizeof(bytes));
	Perftools__Profiles__Profile *p =
		perftools__profiles__profile__unpack(NULL, n, bytes);

	assert_non_null(p);
	memset(ret_sums, 0, 4 * sizeof(*ret_sums));
	for (size_t i = 0; i < p->n_sample; i++)
		for (size_t v = 0; v < p->sample[i]->n_value && v < 4; v++)
			ret_sums[v] += p->sample[i]->value[v];
	perftools__profiles__profile__free_unpacked(p, NULL);
}

// GET or POST PATH: the answer with its headers.
static void ask(const char *method, const char *path, char *ret_text,
		size_t n_bytes)
{
	char request[256];
	int n = snprintf(request, sizeof(request),
			 "%s %s HTTP/1.0\r\nHost: x\r\n\r\n", method, path);
	int fd = dial();
	size_t n_read = 0;
	ssize_t got;

	assert_int_equal(send(fd, request, (size_t)n, MSG_NOSIGNAL), n);
	while (n_read < n_bytes - 1 &&
	       (got = read(fd, ret_text + n_read, n_bytes - 1 - n_read)) > 0)
		n_read += (size_t)got;
	ret_text[n_read] = '\0';
	close(fd);
}

// Waits until PID's session has ended; the answer names its files.
static void wait_ended(pid_t pid, char *ret_text, size_t n_bytes)
{
	char path[64];

	snprintf(path, sizeof(path), "/api/ended?pid=%d", (int)pid);
	for (int i = 0; i < DEADLINE_S * 50; i++) {
		ask("GET", path, ret_text, n_bytes);
		if (strstr(ret_text, "\"ended\":true"))
			return;
		usleep(20000);
	}
	fail_msg("the session of %d did not end: %s", (int)pid, ret_text);
}

static void file_of(const char *answer, const char *kind, char ret_path[256])
{
	char part[32];
	const char *at, *start;

	snprintf(part, sizeof(part), ".%s.001.pb.gz", kind);
	at = strstr(answer, part);
	if (!at)
		fail_msg("no %s file in %s", kind, answer);
	for (start = at; start[-1] != '"'; start--)
		;
	snprintf(ret_path, 256, "%.*s%s", (int)(at - start), start, part);
}

static void check_heap(const char *answer)
{
	char path[256];
	int64_t sums[4];

	file_of(answer, "alloc", path);
	read_profile(path, sums);
	assert_int_equal(sums[0], N_ALLOCS);
	assert_int_equal(sums[1], N_ALLOCS * 10);
	assert_int_equal(sums[2], N_ALLOCS / 2 - 1);
	assert_int_equal(sums[3], (N_ALLOCS / 2 - 1) * 10);
}

static pid_t run(void (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn();
		_exit(0);
	}
	return pid;
}

static int reap(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void be_killed(void)
{
	Cprof__Hello h = hello();

	push_heap(attach(&h));
	kill(getpid(), SIGKILL);
}

static void test_killed(void **state)
{
	char answer[4096];
	pid_t pid = run(be_killed);

	(void)state;
	assert_int_equal(reap(pid), SIGKILL);
	wait_ended(pid, answer, sizeof(answer));
	check_heap(answer);
}

// The word that the files are there comes before the end.
static void say_goodbye(void)
{
	Cprof__Hello h = hello();
	struct region_control *c = attach(&h);

	push_heap(c);
	status_of(c)->x_goodbye = 1;
	for (int i = 0; i < DEADLINE_S * 100 && !c->x_written; i++)
		usleep(10000);
	_exit(c->x_written ? 0 : 93);
}

static void test_goodbye(void **state)
{
	char answer[4096];
	pid_t pid = run(say_goodbye);

	(void)state;
	assert_int_equal(reap(pid), 0);
	wait_ended(pid, answer, sizeof(answer));
	check_heap(answer);
}

static void do_nothing(void)
{
	Cprof__Hello h = hello();
	const struct record r = {.size_bytes = sizeof(r),
				 .tid = 1,
				 .type = RECORD_THREAD,
				 .flags = RECORD_MAIN};

	push(attach(&h), 0, &r);
}

static void test_nothing_done(void **state)
{
	char answer[4096];
	pid_t pid = run(do_nothing);

	(void)state;
	assert_int_equal(reap(pid), 0);
	wait_ended(pid, answer, sizeof(answer));
	assert_non_null(strstr(answer, "\"files\":[]"));
}

static void use_socket(void)
{
	struct record r = {.size_bytes = sizeof(r), .tid = 1, .aux = 1};
	Cprof__Hello h = hello();
	int fd = dial();
	char done = 0;
	int stream;

	h.transport = TRANSPORT_SOCKET;
	send_hello(fd, &h);
	if (receive_answer(fd, &stream) != WIRE_SOCKET)
		_exit(94);
	r.value = 10;
	for (uint64_t id = 1; id <= N_ALLOCS; id++) {
		r.id = id;
		r.type = RECORD_ALLOC;
		if (send(stream, &r, sizeof(r), 0) != sizeof(r))
			_exit(95);
		r.type = RECORD_FREE;
		if ((id % 2 || id == 2) && send(stream, &r, sizeof(r), 0) < 0)
			_exit(95);
	}
	r.type = RECORD_GOODBYE;
	if (send(stream, &r, sizeof(r), 0) < 0 || recv(stream, &done, 1, 0) < 0)
		_exit(96);
	_exit(done == 1 ? 0 : 97);
}

static void test_socket_transport(void **state)
{
	char answer[4096];
	pid_t pid = run(use_socket);

	(void)state;
	assert_int_equal(reap(pid), 0);
	wait_ended(pid, answer, sizeof(answer));
	check_heap(answer);
}

// The same pid begins anew: the first session is written, then the second.
static void exec_twice(void)
{
	Cprof__Hello h = hello();

	push_heap(attach(&h));
	push_heap(attach(&h));
	kill(getpid(), SIGKILL);
}

// The two sessions are written side by side, and either may be last.
static void wait_for_file(const char *path)
{
	for (int i = 0; i < DEADLINE_S * 50 && access(path, F_OK); i++)
		usleep(20000);
}

static void test_exec(void **state)
{
	char answer[4096], path[256];
	pid_t pid = run(exec_twice);
	int64_t sums[4];

	(void)state;
	reap(pid);
	wait_ended(pid, answer, sizeof(answer));
	snprintf(path, sizeof(path), "%s/session_test.%d.alloc.001.pb.gz", dir,
		 (int)pid);
	wait_for_file(path);
	read_profile(path, sums);
	assert_int_equal(sums[0], N_ALLOCS);
	snprintf(path, sizeof(path), "%s/session_test.%d.alloc.002.pb.gz", dir,
		 (int)pid);
	wait_for_file(path);
	read_profile(path, sums);
	assert_int_equal(sums[0], N_ALLOCS);
}

static int answer_to(struct wire_header header)
{
	int fd = dial();
	int with;
	int type;

	assert_int_equal(send(fd, &header, sizeof(header), MSG_NOSIGNAL),
			 sizeof(header));
	type = receive_answer(fd, &with);
	close(fd);
	return type;
}

static void test_bad_clients(void **state)
{
	const struct wire_header old = {WIRE_MAGIC, PROTO_VERSION + 1,
					WIRE_HELLO, 10};
	const struct wire_header huge = {WIRE_MAGIC, PROTO_VERSION, WIRE_HELLO,
					 UINT32_MAX};
	const struct wire_header empty = {WIRE_MAGIC, PROTO_VERSION, WIRE_N, 0};
	char answer[1024];
	int fd;

	(void)state;
	assert_int_equal(answer_to(old), WIRE_REFUSE);
	assert_int_equal(answer_to(huge), WIRE_REFUSE);
	assert_int_equal(answer_to(empty), WIRE_REFUSE);
	// Half a header and away.
	fd = dial();
	assert_int_equal(send(fd, &old, 5, MSG_NOSIGNAL), 5);
	close(fd);
	ask("GET", "/\r\n\r\n\1\2\3garbage", answer, sizeof(answer));
	ask("GET", "/api/ps", answer, sizeof(answer));
	assert_non_null(strstr(answer, "200 OK"));
	ask("GET", "/debug/pprof/heap", answer, sizeof(answer));
	assert_non_null(strstr(answer, "404 "));
	assert_non_null(strstr(answer, "X-Go-Pprof: 1"));
}

// Who says nothing is not waited for.
static void test_silent_client(void **state)
{
	struct pollfd p = {.fd = dial(), .events = POLLIN};
	char byte;

	(void)state;
	assert_int_equal(poll(&p, 1, DEADLINE_S * 1000), 1);
	assert_int_equal(read(p.fd, &byte, 1), 0);
	close(p.fd);
}

static void test_second_collector(void **state)
{
	struct opts o = {.socket = address.sun_path, .is_auto = true};
	pid_t pid;

	(void)state;
	close(dial()); // the first one is there
	pid = fork();
	if (!pid)
		_exit(server_run(&o));
	assert_int_equal(reap(pid), 0);
	o.is_auto = false;
	o.log_level = LOG_OFF;
	pid = fork();
	if (!pid)
		_exit(server_run(&o));
	assert_int_equal(WEXITSTATUS(reap(pid)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_goodbye),
		cmocka_unit_test(test_nothing_done),
		cmocka_unit_test(test_socket_transport),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_bad_clients),
		cmocka_unit_test(test_silent_client),
		cmocka_unit_test(test_second_collector),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
