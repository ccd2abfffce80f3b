// SPDX-License-Identifier: Apache-2.0
//
// Every answer leaves by send_response(), with the headers that all of them
// have.
#include "collector/http_reply.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum MHD_Result send_response(struct http_request *r, unsigned status,
				     struct MHD_Response *response)
{
	enum MHD_Result ok;

	if (!response)
		return MHD_NO;
	if (status / 100 < QUERY_ANSWERS_N)
		atomic_fetch_add_explicit(&r->query->x_answers[status / 100], 1,
					  memory_order_relaxed);
	lib_mhd.add_response_header(response, "X-Content-Type-Options",
				    "nosniff");
	if (r->trimmed)
		lib_mhd.add_response_header(response, "X-Cprof-Trim",
					    r->trimmed);
	ok = lib_mhd.queue_response(r->connection, status, response);
	lib_mhd.destroy_response(response);
	return ok;
}

static unsigned status_of(int err)
{
	switch (-err) {
	case ENOENT:
		return MHD_HTTP_NOT_FOUND;
	case ENOTUNIQ:
	case EINVAL:
	case EOPNOTSUPP:
		return MHD_HTTP_BAD_REQUEST;
	default:
		return MHD_HTTP_INTERNAL_SERVER_ERROR;
	}
}

enum MHD_Result http_reply_error(struct http_request *r, unsigned status)
{
	char line[QUERY_ERROR_BYTES + 1];
	int n = snprintf(line, sizeof(line), "%s\n", r->error.text);
	struct MHD_Response *response = lib_mhd.create_response_from_buffer(
		(size_t)n, line, MHD_RESPMEM_MUST_COPY);

	if (!response)
		return MHD_NO;
	lib_mhd.add_response_header(response, "Content-Type",
				    "text/plain; charset=utf-8");
	lib_mhd.add_response_header(response, "X-Go-Pprof", "1");
	if (status == MHD_HTTP_UNAUTHORIZED)
		lib_mhd.add_response_header(response, "WWW-Authenticate",
					    "Basic realm=\"cprof\"");
	return send_response(r, status, response);
}

enum MHD_Result http_reply_fail(struct http_request *r)
{
	return http_reply_error(r, status_of(r->error.err));
}

static enum MHD_Result fail_memory(struct http_request *r)
{
	query_fail(&r->error, -ENOMEM, "no memory for the answer");
	return http_reply_fail(r);
}

enum MHD_Result http_reply_json(struct http_request *r, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	struct MHD_Response *response;

	json_decref(o);
	if (!text)
		return fail_memory(r);
	response = lib_mhd.create_response_from_buffer(strlen(text), text,
						       MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	lib_mhd.add_response_header(response, "Content-Type",
				    "application/json");
	return send_response(r, MHD_HTTP_OK, response);
}

enum MHD_Result http_reply_bytes(struct http_request *r, struct buf *body,
				 const char *type, const char *disposition)
{
	struct MHD_Response *response;

	if (buf_error(body)) {
		buf_fini(body);
		return fail_memory(r);
	}
	// An empty body has no memory to hand over.
	response = lib_mhd.create_response_from_buffer(
		body->n_bytes, body->data,
		body->data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!response) {
		buf_fini(body);
		return MHD_NO;
	}
	buf_init(body);
	lib_mhd.add_response_header(response, "Content-Type", type);
	if (disposition)
		lib_mhd.add_response_header(response, "Content-Disposition",
					    disposition);
	return send_response(r, MHD_HTTP_OK, response);
}

enum MHD_Result http_reply_page(struct http_request *r, struct buf *page,
				const char *policy)
{
	struct MHD_Response *response;

	if (buf_error(page)) {
		buf_fini(page);
		return fail_memory(r);
	}
	response = lib_mhd.create_response_from_buffer(
		page->n_bytes, page->data, MHD_RESPMEM_MUST_COPY);
	buf_fini(page);
	if (!response)
		return MHD_NO;
	lib_mhd.add_response_header(response, "Content-Type",
				    "text/html; charset=utf-8");
	lib_mhd.add_response_header(response, "Content-Security-Policy",
				    policy);
	lib_mhd.add_response_header(response, "Referrer-Policy", "no-referrer");
	return send_response(r, MHD_HTTP_OK, response);
}

// As Go writes paths: everything else is a "%xx".
static void put_path(struct buf *to, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._~/$&+,:;=@";

	for (; *path; path++)
		if (strchr(plain, *path))
			buf_put(to, path, 1);
		else
			buf_printf(to, "%%%02X", (unsigned char)*path);
}

enum MHD_Result http_reply_redirect(struct http_request *r, const char *path)
{
	struct MHD_Response *response = lib_mhd.create_response_from_buffer(
		0, (void *)"", MHD_RESPMEM_PERSISTENT);
	struct buf location;
	bool is_good = false;

	buf_init(&location);
	put_path(&location, path);
	if (*r->raw_query)
		buf_printf(&location, "?%s", r->raw_query);
	if (response && !buf_error(&location))
		is_good = lib_mhd.add_response_header(response, "Location",
						      location.data) == MHD_YES;
	buf_fini(&location);
	if (is_good)
		return send_response(r, MHD_HTTP_MOVED_PERMANENTLY, response);
	if (response)
		lib_mhd.destroy_response(response);
	return fail_memory(r);
}
