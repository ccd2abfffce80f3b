// SPDX-License-Identifier: Apache-2.0
//
// A small state machine per connection: a few bytes decide what it is, then a
// header, then the message it announces.
#include "collector/conn.h"

#include "collector/log.h"
#include "collector/pool.h"
#include "proto/kind.h"
#include "proto/limits.h"
#include "proto/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// n_read <= n_wanted; bytes beyond the header lie in message.
struct conn {
	struct conns *owner;
	struct conn *next;
	struct loop_watch watch;
	struct conn_peer peer;
	uint64_t began_ns;
	bool is_shim;
	struct wire_header header;
	size_t n_read; // header and message
	unsigned char *message;
	int fds[WIRE_HELLO_FDS];
	unsigned n_fds;
};

void conns_init(struct conns *c, struct loop *loop,
		const struct conn_handler *handler)
{
	*c = (struct conns){.loop = loop, .handler = handler};
}

// Takes C out of the loop and the list; the descriptor stays open.
static void unlink_conn(struct conn *c)
{
	struct conn **link = &c->owner->list;

	loop_remove(c->owner->loop, &c->watch);
	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	c->owner->n--;
}

static void free_conn(struct conn *c)
{
	for (unsigned i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	free(c->message);
	free(c);
}

static void drop(struct conn *c)
{
	unlink_conn(c);
	free_conn(c);
}

void conns_fini(struct conns *c)
{
	while (c->list)
		drop(c->list);
}

// While the others wait, silence is over sooner.
static uint64_t patience_ns(const struct conns *c)
{
	return c->n < CONN_MAX ? CONN_TIMEOUT_NS : CONN_TIMEOUT_NS / 10;
}

bool conns_expire(struct conns *c)
{
	uint64_t now_ns = pool_now_ns();
	uint64_t patience = patience_ns(c);
	struct conn *next;

	for (struct conn *p = c->list; p; p = next) {
		next = p->next;
		if (now_ns - p->began_ns < patience)
			continue;
		log_info("process %u: said nothing for too long", p->peer.pid);
		drop(p);
	}
	return c->list != NULL;
}

int conn_send(int fd, const struct conn_message *m)
{
	struct wire_header h = {WIRE_MAGIC, PROTO_VERSION, (uint16_t)m->type,
				m->n_bytes};
	struct iovec parts[2] = {{&h, sizeof(h)},
				 {(void *)(uintptr_t)m->body, m->n_bytes}};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_RING_FDS * sizeof(int))];
	} control = {0};
	size_t fds_bytes = m->n_fds * sizeof(int);
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
	struct cmsghdr *cmsg;
	ssize_t n;

	if (m->n_fds) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fds_bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds_bytes);
		memcpy(CMSG_DATA(cmsg), m->fds, fds_bytes);
	}
	// An answer fits any socket's buffer; one that does not go at once goes
	// to nobody.
	n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == sizeof(h) + m->n_bytes ? 0 : -EAGAIN;
}

static bool is_sane(const Cprof__Hello *h)
{
	return h->cmdline.len <= WIRE_CMDLINE_MAX_BYTES &&
	       strlen(h->dir) <= WIRE_DIR_MAX_BYTES &&
	       strlen(h->cwd) <= WIRE_DIR_MAX_BYTES &&
	       strlen(h->labels) <= WIRE_LABELS_MAX_BYTES;
}

Cprof__Hello *conn_decode_hello(const void *bytes, size_t n_bytes)
{
	Cprof__Hello *h = NULL;

	if (n_bytes <= WIRE_MESSAGE_MAX_BYTES)
		h = cprof__hello__unpack(NULL, n_bytes, bytes);
	if (h && !is_sane(h)) {
		cprof__hello__free_unpacked(h, NULL);
		h = NULL;
	}
	return h;
}

static int take_fd(struct conn *c)
{
	int fd = c->n_fds ? c->fds[0] : -1;

	if (c->n_fds) {
		c->n_fds--;
		memmove(c->fds, c->fds + 1, c->n_fds * sizeof(*c->fds));
	}
	return fd;
}

static void refuse(struct conn *c, const char *reason)
{
	Cprof__Refuse r = CPROF__REFUSE__INIT;
	unsigned char body[256];
	struct conn_message m = {.type = WIRE_REFUSE, .body = body};

	r.reason = (char *)(uintptr_t)reason;
	m.n_bytes = (uint32_t)cprof__refuse__pack(&r, body);
	log_info("process %u: refused: %s", c->peer.pid, reason);
	(void)conn_send(c->watch.fd, &m); // it goes away in any case
	drop(c);
}

static void on_hello(struct conn *c)
{
	const struct conn_handler *handler = c->owner->handler;
	struct conn_hello h = {.peer = c->peer};

	h.hello = conn_decode_hello(c->message, c->header.length_bytes);
	if (!h.hello) {
		refuse(c, "the hello is not well-formed");
		return;
	}
	h.maps_fd = take_fd(c);
	h.mem_fd = take_fd(c);
	unlink_conn(c);
	h.fd = c->watch.fd;
	c->watch.fd = -1;
	free_conn(c);
	handler->on_hello(handler->context, &h);
}

static void on_bye(struct conn *c)
{
	const struct conn_handler *handler = c->owner->handler;
	struct conn_peer peer = c->peer;

	drop(c);
	handler->on_bye(handler->context, &peer);
}

static void on_listen(struct conn *c)
{
	const struct conn_handler *handler = c->owner->handler;
	int fd = take_fd(c);

	if (fd < 0) {
		refuse(c, "no socket came");
		return;
	}
	// The end of the connection tells that it is done.
	handler->on_listen(handler->context, fd);
	drop(c);
}

static void on_message(struct conn *c)
{
	if (c->header.type == WIRE_HELLO)
		on_hello(c);
	else if (c->header.type == WIRE_BYE)
		on_bye(c);
	else if (c->header.type == WIRE_LISTEN)
		on_listen(c);
	else
		refuse(c, "unknown message");
}

static void keep_fds(struct conn *c, struct msghdr *msg)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t n;

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int),
			       sizeof(int));
			if (c->n_fds < WIRE_HELLO_FDS)
				c->fds[c->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

// Reads into TO; returns the bytes, 0 when there is nothing now, or negative
// errno (-EPIPE: the end).
static ssize_t receive(struct conn *c, void *to, size_t n_bytes)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * WIRE_HELLO_FDS)];
	} control;
	struct iovec part = {to, n_bytes};
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(c->watch.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	keep_fds(c, &msg);
	return n ? n : -EPIPE;
}

// The header is complete: believe nothing in it before this. 0 or -errno.
static int check_header(struct conn *c)
{
	const struct wire_header *h = &c->header;

	if (h->magic != WIRE_MAGIC)
		return -EBADMSG;
	if (h->version != PROTO_VERSION)
		return -EPROTONOSUPPORT;
	if (h->length_bytes > WIRE_MESSAGE_MAX_BYTES)
		return -EMSGSIZE;
	c->message = malloc(h->length_bytes ? h->length_bytes : 1);
	return c->message ? 0 : -ENOMEM;
}

static void on_bad_header(struct conn *c, int err)
{
	if (err == -EPROTONOSUPPORT)
		refuse(c, "libcprof.so and cprofd are of different versions");
	else if (err == -EMSGSIZE)
		refuse(c, "the message is too long");
	else
		refuse(c, "not a cprof message");
}

// Reads what there is. Frees C when it is done with it.
static void read_shim(struct conn *c)
{
	const size_t n_header = sizeof(c->header);
	ssize_t n;
	int err;

	if (c->n_read < n_header) {
		n = receive(c, (unsigned char *)&c->header + c->n_read,
			    n_header - c->n_read);
		if (n < 0)
			drop(c);
		if (n <= 0)
			return;
		c->n_read += (size_t)n;
		if (c->n_read < n_header)
			return;
		err = check_header(c);
		if (err) {
			on_bad_header(c, err);
			return;
		}
	}
	n = 0;
	if (c->n_read < n_header + c->header.length_bytes)
		n = receive(c, c->message + (c->n_read - n_header),
			    n_header + c->header.length_bytes - c->n_read);
	if (n < 0) {
		drop(c);
		return;
	}
	c->n_read += (size_t)n;
	if (c->n_read == n_header + c->header.length_bytes)
		on_message(c);
}

static void hand_over_http(struct conn *c)
{
	const struct conn_handler *handler = c->owner->handler;
	int fd = c->watch.fd;

	unlink_conn(c);
	c->watch.fd = -1;
	free_conn(c);
	handler->on_http(handler->context, fd);
}

// The first bytes decide, and stay where they are for HTTP.
static void classify(struct conn *c)
{
	const uint32_t magic = WIRE_MAGIC;
	unsigned char bytes[sizeof(magic)];
	ssize_t n = recv(c->watch.fd, bytes, sizeof(bytes),
			 MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		drop(c);
	else if (memcmp(bytes, &magic, (size_t)n))
		hand_over_http(c);
	else
		c->is_shim = true;
}

static void on_ready(void *context, uint32_t events)
{
	struct conn *c = context;
	struct conns *owner = c->owner;
	unsigned n = owner->n;

	(void)events; // an error or hang-up shows when it is read
	if (!c->is_shim)
		classify(c);
	// It may be gone by now; then there is one less.
	if (owner->n == n && c->is_shim)
		read_shim(c);
}

static unsigned count_of(const struct conns *owner, uint32_t pid)
{
	unsigned n = 0;

	for (const struct conn *c = owner->list; c; c = c->next)
		n += c->peer.pid == pid;
	return n;
}

// The oldest connection of a process that has more than its share; NULL when
// there is none such.
static struct conn *find_surplus(const struct conns *owner)
{
	struct conn *found = NULL;

	// The newest stand first.
	for (struct conn *c = owner->list; c; c = c->next)
		if (count_of(owner, c->peer.pid) > CONN_PER_PROCESS)
			found = c;
	return found;
}

bool conns_have_room(const struct conns *c)
{
	return c->n < CONN_MAX || find_surplus(c);
}

// Makes room. What has come on the connection meanwhile is still read.
static bool evict(struct conns *owner)
{
	struct conn *c = find_surplus(owner);

	if (!c)
		return false;
	on_ready(c, EPOLLIN);
	if (owner->n < CONN_MAX)
		return true;
	log_info("process %u: has too many connections", c->peer.pid);
	drop(c);
	return true;
}

// Only the user himself, and root, have business here.
static int check_peer(int fd, struct conn_peer *ret)
{
	struct ucred cred;
	socklen_t n = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n))
		return -errno;
	if (cred.uid != geteuid() && cred.uid != 0)
		return -EPERM;
	ret->pid = (uint32_t)cred.pid;
	ret->uid = cred.uid;
	return 0;
}

static struct conn *new_conn(struct conns *owner, int fd)
{
	struct conn_peer peer;
	struct conn *c;

	if (check_peer(fd, &peer) || (owner->n >= CONN_MAX && !evict(owner)))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->owner = owner;
	c->peer = peer;
	c->began_ns = pool_now_ns();
	c->watch = (struct loop_watch){fd, on_ready, c};
	return c;
}

void conns_add(struct conns *owner, int fd)
{
	struct conn *c = new_conn(owner, fd);

	if (!c || loop_add(owner->loop, &c->watch, EPOLLIN)) {
		log_info("a connection was turned away");
		close(fd);
		free(c);
		return;
	}
	c->next = owner->list;
	owner->list = c;
	owner->n++;
	// Most have spoken by now, and need not take up room at all.
	on_ready(c, EPOLLIN);
}
