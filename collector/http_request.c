// SPDX-License-Identifier: Apache-2.0
//
// libmicrohttpd splits and decodes the query string; a body it hands over as it
// comes.
#include "collector/http_request.h"

#include "proto/limits.h"
#include "proto/setting.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char urlencoded[] = "application/x-www-form-urlencoded";

struct http_request *http_request_new(const char *uri)
{
	struct http_request *r = calloc(1, sizeof(*r));
	const char *mark = strchr(uri, '?');

	if (!r)
		return NULL;
	r->raw_query = strdup(mark ? mark + 1 : "");
	if (!r->raw_query) {
		free(r);
		return NULL;
	}
	buf_init(&r->body);
	return r;
}

void http_request_free(struct http_request *r)
{
	if (!r)
		return;
	if (r->proc)
		proc_unref(r->proc);
	buf_fini(&r->body);
	free(r->form);
	free(r->buffer);
	free(r->raw_query);
	free(r);
}

void http_request_add(struct http_request *r, const char *bytes, size_t n_bytes)
{
	size_t n_room = HTTP_BODY_MAX_BYTES - r->body.n_bytes;

	r->is_cut |= n_bytes > n_room;
	buf_put(&r->body, bytes, n_bytes < n_room ? n_bytes : n_room);
}

const char *http_request_header(struct http_request *r, const char *name)
{
	return lib_mhd.lookup_connection_value(r->connection, MHD_HEADER_KIND,
					       name);
}

static bool has_form(struct http_request *r)
{
	const char *type = http_request_header(r, "Content-Type");

	return type && r->body.n_bytes && !buf_error(&r->body) &&
	       !strncasecmp(type, urlencoded, strlen(urlencoded));
}

// Decodes the N characters of TEXT to *at, which it moves behind their NUL.
static void decode(const char *text, size_t n, char **at)
{
	char *to = *at;

	for (size_t i = 0; i < n; i++)
		to[i] = text[i] == '+' ? ' ' : text[i];
	to[n] = '\0';
	*at = to + lib_mhd.http_unescape(to) + 1;
}

// Reads "a=1&b=2" into name, value, name, value.
static int read_form(struct http_request *r)
{
	const char *at = (const char *)r->body.data;
	const char *end = at + r->body.n_bytes;
	// Each pair ends in two NULs, and has room for a missing '=' and '&'.
	char *to = malloc(2 * r->body.n_bytes + 2);

	if (!to)
		return -ENOMEM;
	r->form = to;
	while (at < end) {
		const char *amp = memchr(at, '&', (size_t)(end - at));
		const char *stop = amp ? amp : end;
		const char *mark = memchr(at, '=', (size_t)(stop - at));
		const char *value = mark ? mark + 1 : stop;

		decode(at, (size_t)((mark ? mark : stop) - at), &to);
		decode(value, (size_t)(stop - value), &to);
		at = stop + 1;
	}
	r->n_form_bytes = (size_t)(to - r->form);
	return 0;
}

static const char *find_in_form(struct http_request *r, const char *name)
{
	const char *end = r->form ? r->form + r->n_form_bytes : NULL;

	for (const char *at = r->form; at < end;) {
		const char *value = at + strlen(at) + 1;

		if (!strcmp(at, name))
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

const char *http_request_get(struct http_request *r, const char *name)
{
	const char *value = find_in_form(r, name);

	if (!value)
		value = lib_mhd.lookup_connection_value(
			r->connection, MHD_GET_ARGUMENT_KIND, name);
	return value && *value ? value : NULL;
}

struct each {
	struct http_request *r;
	http_request_fn fn;
	bool is_over;
};

static enum MHD_Result each_one(void *context, enum MHD_ValueKind kind,
				const char *name, const char *value)
{
	struct each *e = context;

	(void)kind;
	e->is_over = !e->fn(e->r, name, value ? value : "");
	return e->is_over ? MHD_NO : MHD_YES;
}

void http_request_each(struct http_request *r, http_request_fn fn)
{
	struct each e = {r, fn, false};
	const char *end = r->form ? r->form + r->n_form_bytes : NULL;

	lib_mhd.get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND,
				      each_one, &e);
	for (const char *at = r->form; at < end && !e.is_over;) {
		const char *value = at + strlen(at) + 1;

		e.is_over = !fn(r, at, value);
		at = value + strlen(value) + 1;
	}
}

int http_request_number(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t n;

	if (setting_parse(VALUE_COUNT, text, &n) || !n || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

static void read_pid(struct http_request *r)
{
	const char *pid = http_request_get(r, "pid");
	uint64_t n;

	if (pid && http_request_number(pid, INT32_MAX, &n))
		query_fail(&r->error, -EINVAL,
			   "pid '%.100s' is not valid: a number from 1 to %d",
			   pid, INT32_MAX);
	else if (pid)
		r->target.pid = (uint32_t)n;
}

static const char self_path[] = "/self/";

// The process that asks, as the kernel knows it; nobody's where that can't be
// told.
static uint32_t peer_of(struct http_request *r)
{
	const union MHD_ConnectionInfo *info = lib_mhd.get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred cred = {0};
	socklen_t n = sizeof(cred);

	if (!info ||
	    getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) ||
	    cred.pid <= 0)
		return UINT32_MAX;
	return (uint32_t)cred.pid;
}

// Where the target at the front of PATH ends; NULL when there is none.
static char *end_of_target(char *path)
{
	size_t n_digits;
	char *slash;

	if (!strncmp(path, "/comm/", 6)) {
		slash = path + strlen("/comm/");
		return slash + strcspn(slash, "/");
	}
	if (!strncmp(path, self_path, strlen(self_path)))
		return path + strlen(self_path) - 1;
	if (*path != '/') // "GET ?x": there is nothing before the query
		return NULL;
	n_digits = strspn(path + 1, "0123456789");
	return path[1 + n_digits] == '/' && n_digits ? path + 1 + n_digits
						     : NULL;
}

// Takes the target off the front of r->path. The buffer has room for one
// character more: the name ends in a NUL and the path goes on with its slash.
static void split_path(struct http_request *r)
{
	char *path = r->path;
	char *end = end_of_target(path);
	uint64_t n;

	if (!end)
		return;
	if (!strncmp(path, "/comm/", 6)) {
		r->target.comm = path + 6;
	} else if (!strncmp(path, self_path, strlen(self_path))) {
		r->target = (struct query_target){.pid = peer_of(r)};
		r->is_self = true;
	} else {
		*end = '\0';
		// A number that is none, or too large, is nobody's.
		r->target.pid = UINT32_MAX;
		if (!http_request_number(path + 1, INT32_MAX, &n))
			r->target.pid = (uint32_t)n;
		*end = '/';
	}
	memmove(end + 1, end, strlen(end) + 1);
	*end = '\0';
	r->path = end + 1;
}

int http_request_split(struct http_request *r)
{
	r->buffer = malloc(strlen(r->url) + 2);
	if (!r->buffer || (has_form(r) && read_form(r)))
		return -ENOMEM;
	r->path = strcpy(r->buffer, r->url);
	r->target.comm = http_request_get(r, "comm");
	read_pid(r);
	split_path(r);
	return 0;
}

bool http_request_is_abandoned(void *context)
{
	struct http_request *r = context;
	const union MHD_ConnectionInfo *info = lib_mhd.get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = {.events = POLLRDHUP};

	if (!info)
		return false;
	p.fd = info->connect_fd;
	return poll(&p, 1, 0) > 0 &&
	       p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

bool http_request_wants_text(struct http_request *r)
{
	const char *debug = http_request_get(r, "debug");
	uint64_t n;

	return debug && !http_request_number(debug, INT64_MAX, &n);
}
