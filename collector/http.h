// SPDX-License-Identifier: Apache-2.0
//
// The collector's HTTP (API.md), by libmicrohttpd: it gets connections that
// were accepted elsewhere and serves each in a thread of its own, so that a
// handler may wait for its profile. It owns the daemon, the connections and
// their limits; what a request gets is http_route.h's. The library comes late
// (lib.h): connections may be added before, and wait for it.
#ifndef CPROF_COLLECTOR_HTTP_H
#define CPROF_COLLECTOR_HTTP_H

#include "collector/http_access.h"
#include "collector/query.h"

struct http;

// To serve what QUERY knows to those whom ACCESS lets in; both stay the
// caller's. NULL: no memory.
struct http *http_new(struct query *query, const struct http_access *access);

// Loads the library and serves those that wait, once. 0; -ELIBACC: there is no
// library; -EINVAL: no threads, or a certificate that is none. What goes wrong
// is logged, and those who ask are told so.
int http_start(struct http *h);

// The same in a thread of its own, which calls LOADED(CONTEXT) when nothing
// needs to be loaded any more and nobody is served yet. The loop's thread.
typedef void (*http_loaded_fn)(void *context);
void http_start_soon(struct http *h, http_loaded_fn loaded, void *context);

// Ends all requests: those that wait answer with what they have. Who waits to
// be served at all is closed.
void http_free(struct http *h);

// Serves the connected socket FD, which it takes over: one of the Unix socket,
// or of TCP. More than can be served are told so and closed. The loop's thread.
void http_add(struct http *h, int fd);
void http_add_tcp(struct http *h, int fd);

// Requests being served, and connections that wait for the library. Any thread.
unsigned http_n_requests(struct http *h);

#endif
