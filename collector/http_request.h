// SPDX-License-Identifier: Apache-2.0
//
// One HTTP request on its way: what was asked, with which parameters, of which
// process. Parameters are read as Go's net/http reads a form: those of an
// urlencoded body come before those of the query string; an empty one counts as
// absent. Everything in it is the client's and bounded.
// Owner: the request's thread.
#ifndef CPROF_COLLECTOR_HTTP_REQUEST_H
#define CPROF_COLLECTOR_HTTP_REQUEST_H

#include "collector/lib_mhd.h"
#include "collector/query.h"

struct http;
struct http_request;

// A row of http_routes.def.
struct http_route {
	const char *path;
	unsigned methods; // bits of enum http_method
	bool has_target;
	enum MHD_Result (*handler)(struct http_request *r);
	enum kind kind;
};

struct http_request {
	struct http *http; // whose it is; opaque to handlers
	struct query *query;
	struct MHD_Connection *connection;
	bool is_begun;	 // its head has been looked at
	bool is_local;	 // came over the Unix socket
	bool is_self;	 // the process that is meant asks itself
	bool is_cut;	 // more of a body came than is kept
	char *raw_query; // undecoded, "" when there was none
	const char *url; // decoded, without the query
	const char *method;
	const struct http_route *route;
	struct proc *proc; // the target, for routes that have one
	char *path;	   // the url behind the target, in buffer
	char *buffer;
	struct query_target target;
	struct buf body;
	char *form; // the body's parameters: name, value, name, ... each ends
	size_t n_form_bytes; // in a NUL
	const char *trimmed; // what became of gc=1, or NULL
	struct query_error error;
};

// A request for URI, as it came; NULL: no memory.
struct http_request *http_request_new(const char *uri);
void http_request_free(struct http_request *r);

// Keeps the next N_BYTES of the body, as far as there is room.
void http_request_add(struct http_request *r, const char *bytes,
		      size_t n_bytes);
// Reads the body's parameters, if it has some, and splits the target off the
// url into r->target and r->path. 0, or -ENOMEM. A parameter that is no target
// is r->error, which matters to routes that have one.
int http_request_split(struct http_request *r);

// The value of a parameter, or NULL where it is absent or empty.
const char *http_request_get(struct http_request *r, const char *name);
const char *http_request_header(struct http_request *r, const char *name);

// Calls FN for each parameter of the query string, then of the body, until it
// returns false.
typedef bool (*http_request_fn)(struct http_request *r, const char *name,
				const char *value);
void http_request_each(struct http_request *r, http_request_fn fn);

// A whole number from 1 to MAX, and nothing else; else -EINVAL.
int http_request_number(const char *text, uint64_t max, uint64_t *ret);

// Go's debug: not a number, or less than 1, is none.
bool http_request_wants_text(struct http_request *r);

// True when the client has hung up. CONTEXT is the request; for
// query_profile.is_abandoned.
bool http_request_is_abandoned(void *context);

#endif
