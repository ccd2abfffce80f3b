// SPDX-License-Identifier: Apache-2.0
//
// The collector's HTTP paths (API.md), by libmicrohttpd: it gets connections
// that were accepted elsewhere and serves each in a thread of its own, so that
// a handler may wait for its profile. It holds no logic but paths, parameters
// and status codes; what is asked goes through query.h.
#ifndef CPROF_COLLECTOR_HTTP_H
#define CPROF_COLLECTOR_HTTP_H

#include "collector/query.h"

struct http;

// Serves what QUERY knows. NULL: no memory or no threads.
struct http *http_new(struct query *query);

// Ends all requests: those that wait answer with what they have.
void http_free(struct http *h);

// Serves the connected socket FD, which it takes over. More than can be
// served are told so and closed. The loop's thread.
void http_add(struct http *h, int fd);

// Requests being served. Any thread.
unsigned http_n_requests(struct http *h);

#endif
