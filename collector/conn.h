// SPDX-License-Identifier: Apache-2.0
//
// Connections before it is known what they are: a shim speaks first (a header
// and one message), anything else is HTTP and goes to the server for that with
// nothing taken out of it. Nothing is allocated for a length that was not
// checked; who sends nothing for some seconds, or wants too much, is closed.
// Where there are as many as there may be, a process that has more than its
// share loses its oldest, so that one can't keep the others out.
// The loop's thread only.
#ifndef CPROF_COLLECTOR_CONN_H
#define CPROF_COLLECTOR_CONN_H

#include "collector/loop.h"
#include "proto/cprof.pb-c.h"
#include "proto/limits.h"
#include "proto/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Who is at the other end, by the kernel's word.
struct conn_peer {
	uint32_t pid;
	uid_t uid;
};

// A complete hello; everything in it is the receiver's.
struct conn_hello {
	int fd; // to answer on
	struct conn_peer peer;
	int maps_fd; // -1: none came
	int mem_fd;
	Cprof__Hello *hello;
};

struct conn_handler {
	void (*on_hello)(void *context, struct conn_hello *h);
	void (*on_bye)(void *context, const struct conn_peer *peer);
	// FD, in both, is the receiver's.
	void (*on_listen)(void *context, int fd);
	void (*on_http)(void *context, int fd);
	void *context;
};

struct conn;

struct conns {
	struct loop *loop;
	const struct conn_handler *handler;
	struct conn *list;
	unsigned n;
};

void conns_init(struct conns *c, struct loop *loop,
		const struct conn_handler *handler);
void conns_fini(struct conns *c);

// True when there is room for one more, or one that can be closed for it.
bool conns_have_room(const struct conns *c);

// Takes over the accepted FD, and reads what has come on it. What is not
// allowed to talk to us is closed.
void conns_add(struct conns *c, int fd);

// Closes those that were silent too long. Returns true while there are others.
bool conns_expire(struct conns *c);

// Sends one message with its descriptors attached. 0 or negative errno.
struct conn_message {
	enum wire_type type;
	const void *body;
	uint32_t n_bytes;
	uint32_t n_fds;
	int fds[WIRE_RING_FDS];
};
int conn_send(int fd, const struct conn_message *m);

// The hello in N_BYTES of a message, or NULL when it is none or breaks a limit.
// To be freed with cprof__hello__free_unpacked().
Cprof__Hello *conn_decode_hello(const void *bytes, size_t n_bytes);

#endif
