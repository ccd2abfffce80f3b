// SPDX-License-Identifier: Apache-2.0
//
// The way in over TCP: one listening socket, named when the collector starts
// (--http) or handed over by `cprofctl web` while it runs (in its sandbox it
// could make none). An address that others can reach is refused without a token
// or TLS. The loop's thread only.
#ifndef CPROF_COLLECTOR_HTTP_DOOR_H
#define CPROF_COLLECTOR_HTTP_DOOR_H

#include "collector/http.h"
#include "collector/loop.h"
#include "collector/tcp.h"

struct http_door {
	struct loop *loop;
	struct http *http;
	const struct http_access *access;
	struct query *query;	 // is told the address
	struct loop_watch watch; // fd -1: closed
	char url[TCP_NAME_BYTES + 16];
};

// A closed door.
void http_door_init(struct http_door *d);
// Listens at NAME, without serving yet. 0; -EACCES: others can reach it and
// there is neither token nor TLS; or as tcp_listen().
int http_door_open(struct http_door *d, const char *name,
		   const struct http_access *access);
// The same with the listening socket FD, which is the door's from now on.
// -EBUSY: there is one already.
int http_door_take(struct http_door *d, int fd,
		   const struct http_access *access);
// Serves from now on. 0 or negative errno.
int http_door_serve(struct http_door *d, struct loop *loop, struct http *http,
		    struct query *query);
void http_door_close(struct http_door *d);
bool http_door_is_open(const struct http_door *d);

#endif
