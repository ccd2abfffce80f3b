// SPDX-License-Identifier: Apache-2.0
//
// cprofctl's side of the collector's HTTP (API.md) over its Unix socket.
// Answers are held in memory. One thread; the tick of a waiting request may
// make a request of its own.
#ifndef CPROF_COLLECTOR_CTL_HTTP_H
#define CPROF_COLLECTOR_CTL_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Called about every 100 ms while a request waits.
typedef void ctl_http_tick_fn(void *arg);

struct ctl_request {
	const char *socket;
	bool is_post;
	const char *path;	// with its query
	uint32_t wait_s;	// how long the answer is meant to take
	ctl_http_tick_fn *tick; // or NULL
	void *tick_arg;
};

struct ctl_reply {
	long http_status;
	char *body; // NUL-terminated, ctl_http_free
	size_t n_bytes;
};

// Sends it and waits. 0 whatever the HTTP status; -ECONNREFUSED when nobody
// listens; -ETIMEDOUT; -ELIBACC without libcurl; or -EIO for all else. Nothing
// is printed.
int ctl_http_send(const struct ctl_request *request,
		  struct ctl_reply *ret_reply);

void ctl_http_free(struct ctl_reply *reply);

// The same, but what is no success is printed: CTL_OK or CTL_FAILED.
int ctl_http_fetch(const struct ctl_request *request,
		   struct ctl_reply *ret_reply);

// The same for an answer in JSON; the caller owns the value.
int ctl_http_json(const struct ctl_request *request, json_t **ret_value);

#endif
