// SPDX-License-Identifier: Apache-2.0
//
// Answers to a request. Errors have Go's form, which `go tool pprof` shows to
// its user: text/plain, X-Go-Pprof, one line. Nothing that was taken over is
// left to the caller, whatever is returned.
#ifndef CPROF_COLLECTOR_HTTP_REPLY_H
#define CPROF_COLLECTOR_HTTP_REPLY_H

#include "collector/http_request.h"

// r->error, with the status that suits it.
enum MHD_Result http_reply_fail(struct http_request *r);
// r->error, with STATUS.
enum MHD_Result http_reply_error(struct http_request *r, unsigned status);

enum MHD_Result http_reply_json(struct http_request *r, json_t *o);

// BODY, which is given up; DISPOSITION may be NULL. A body in its error state
// is an error.
enum MHD_Result http_reply_bytes(struct http_request *r, struct buf *body,
				 const char *type, const char *disposition);

// A page, which may do what POLICY (Content-Security-Policy) says.
enum MHD_Result http_reply_page(struct http_request *r, struct buf *page,
				const char *policy);

// To PATH, keeping the query string.
enum MHD_Result http_reply_redirect(struct http_request *r, const char *path);

#endif
