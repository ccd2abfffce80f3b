// SPDX-License-Identifier: Apache-2.0
//
// A table of paths and a handler for each. Errors have Go's form, which `go
// tool pprof` shows to its user: text/plain, X-Go-Pprof, one line.
#include "collector/http.h"

#include "collector/log.h"
#include "proto/limits.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// libmicrohttpd 0.9.75 locks up for good when its own limit is reached in its
// listening thread, so ours, which is counted here, has to come long before.
#define LIBRARY_CONNECTIONS_MAX 4096u
#define IDLE_TIMEOUT_S		30u
#define PROFILE_SECONDS		30u
#define SECONDS_MAX		86400u
#define STACK_BYTES		(1u << 20)

// A process and how many of its connections the library has.
struct client {
	uint32_t pid;
	unsigned n;
};

struct http {
	struct MHD_Daemon *daemon;
	struct query *query;
	_Atomic unsigned x_n_requests;
	pthread_mutex_t lock;	// leaf: held for the look and the change only
	unsigned n_connections; // of all clients
	struct client clients[HTTP_MAX];
};

// One request on its way; owner: its thread.
struct request {
	struct http *http;
	struct MHD_Connection *connection;
	const char *method;
	struct proc *p; // the target, for paths that have one
	struct query_error error;
};

typedef enum MHD_Result (*handler_fn)(struct request *r, enum kind kind);

struct route {
	const char *path;
	const char *method;
	bool has_target;
	enum kind kind;
	handler_fn handler;
};

static enum MHD_Result send_bytes(struct request *r, unsigned status,
				  struct MHD_Response *response)
{
	enum MHD_Result ok;

	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	ok = MHD_queue_response(r->connection, status, response);
	MHD_destroy_response(response);
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

static enum MHD_Result send_error(struct request *r, unsigned status)
{
	char line[QUERY_ERROR_BYTES + 1];
	int n = snprintf(line, sizeof(line), "%s\n", r->error.text);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		(size_t)n, line, MHD_RESPMEM_MUST_COPY);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type",
				"text/plain; charset=utf-8");
	MHD_add_response_header(response, "X-Go-Pprof", "1");
	return send_bytes(r, status, response);
}

static enum MHD_Result fail(struct request *r)
{
	return send_error(r, status_of(r->error.err));
}

static enum MHD_Result send_json(struct request *r, json_t *o)
{
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	struct MHD_Response *response;

	json_decref(o);
	if (!text) {
		query_fail(&r->error, -ENOMEM, "no memory for the answer");
		return fail(r);
	}
	response = MHD_create_response_from_buffer(strlen(text), text,
						   MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "application/json");
	return send_bytes(r, MHD_HTTP_OK, response);
}

static const char *parameter(struct request *r, const char *name)
{
	const char *value = MHD_lookup_connection_value(
		r->connection, MHD_GET_ARGUMENT_KIND, name);

	return value && *value ? value : NULL;
}

// A whole number from 1 to MAX, and nothing else.
static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t n;

	if (setting_parse(VALUE_COUNT, text, &n) || !n || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

static bool is_abandoned(void *context)
{
	struct request *r = context;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd p = {.events = POLLRDHUP};

	if (!info)
		return false;
	p.fd = info->connect_fd;
	return poll(&p, 1, 0) > 0 &&
	       p.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

// Reads seconds and hz. A bad number of seconds is 30 for cpu, as in Go, whose
// tools and scripts rely on it; for deltas it is refused, as in Go.
static int read_parameters(struct request *r, struct query_profile *q)
{
	const char *seconds = parameter(r, "seconds");
	const char *hz = parameter(r, "hz");

	if (q->kind == KIND_CPU) {
		if (!seconds || parse_number(seconds, SECONDS_MAX, &q->seconds))
			q->seconds = PROFILE_SECONDS;
	} else if (seconds && parse_number(seconds, SECONDS_MAX, &q->seconds)) {
		return query_fail(&r->error, -EINVAL,
				  "invalid value for \"seconds\" - must be a "
				  "positive integer");
	}
	if (hz && (setting_parse(VALUE_HZ, hz, &q->hz) || !q->hz))
		return query_fail(&r->error, -EINVAL,
				  "hz '%s' is not valid: 1..10000", hz);
	return 0;
}

static enum MHD_Result send_profile(struct request *r, struct buf *b,
				    const struct query_profile *q)
{
	const struct kind_info *k = &kind_table[q->kind];
	struct MHD_Response *response;
	char disposition[96];

	snprintf(disposition, sizeof(disposition),
		 "attachment; filename=\"%s%s\"",
		 *k->alias ? k->alias : k->name,
		 q->seconds && q->kind != KIND_CPU ? "-delta" : "");
	response = MHD_create_response_from_buffer(b->n_bytes, b->data,
						   MHD_RESPMEM_MUST_COPY);
	buf_fini(b);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type",
				"application/octet-stream");
	MHD_add_response_header(response, "Content-Disposition", disposition);
	return send_bytes(r, MHD_HTTP_OK, response);
}

static enum MHD_Result on_profile(struct request *r, enum kind kind)
{
	struct query_profile q = {
		.kind = kind, .is_abandoned = is_abandoned, .context = r};
	struct buf b;

	if (read_parameters(r, &q))
		return fail(r);
	buf_init(&b);
	if (query_profile(r->http->query, r->p, &q, &b, &r->error)) {
		buf_fini(&b);
		return fail(r);
	}
	return send_profile(r, &b, &q);
}

static enum MHD_Result on_ps(struct request *r, enum kind kind)
{
	(void)kind;
	return send_json(r, query_ps(r->http->query));
}

static enum MHD_Result on_stats(struct request *r, enum kind kind)
{
	(void)kind;
	return send_json(r, query_stats(r->p));
}

static enum MHD_Result on_stop(struct request *r, enum kind kind)
{
	(void)kind;
	query_stop(r->p);
	return send_json(r, json_pack("{s:i}", "pid", (int)r->p->pid));
}

static enum MHD_Result on_dump(struct request *r, enum kind kind)
{
	json_t *o = query_dump(r->p, &r->error);

	(void)kind;
	return o ? send_json(r, o) : fail(r);
}

static enum MHD_Result on_ended(struct request *r, enum kind kind)
{
	const char *text = parameter(r, "pid");
	uint64_t pid;
	json_t *o;

	(void)kind;
	if (!text || parse_number(text, INT32_MAX, &pid)) {
		query_fail(&r->error, -EINVAL,
			   "pid '%s' is not valid: a number", text ? text : "");
		return fail(r);
	}
	o = query_ended(r->http->query, (uint32_t)pid, &r->error);
	return o ? send_json(r, o) : fail(r);
}

static enum MHD_Result set_one(void *context, enum MHD_ValueKind value_kind,
			       const char *key, const char *value)
{
	struct request *r = context;

	(void)value_kind;
	if (!strcmp(key, "pid") || !strcmp(key, "comm"))
		return MHD_YES;
	return query_set(r->p, key, value ? value : "", &r->error) ? MHD_NO
								   : MHD_YES;
}

static enum MHD_Result on_set(struct request *r, enum kind kind)
{
	(void)kind;
	MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND, set_one,
				  r);
	if (r->error.err)
		return fail(r);
	return send_json(r, query_rates(r->p));
}

static const struct route routes[] = {
	{"/api/ps", "GET", false, 0, on_ps},
	{"/api/ended", "GET", false, 0, on_ended},
	{"/api/stats", "GET", true, 0, on_stats},
	{"/api/dump", "POST", true, 0, on_dump},
	{"/api/set", "POST", true, 0, on_set},
	{"/api/stop", "POST", true, 0, on_stop},
	{"/debug/pprof/profile", "GET", true, KIND_CPU, on_profile},
	{"/debug/pprof/heap", "GET", true, KIND_INUSE, on_profile},
	{"/debug/pprof/allocs", "GET", true, KIND_ALLOC, on_profile},
	{"/debug/pprof/block", "GET", true, KIND_BLOCK, on_profile},
	{"/debug/pprof/mutex", "GET", true, KIND_MUTEX, on_profile},
	{"/debug/pprof/threadcreate", "GET", true, KIND_THREADCREATE,
	 on_profile},
};

static const struct route *find_route(const char *path)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (!strcmp(routes[i].path, path))
			return &routes[i];
	return NULL;
}

// Takes the target off the front of PATH, which it may cut in two, and returns
// the rest. A parameter that is no target is R's error.
static char *split_target(struct request *r, char *path,
			  struct query_target *ret)
{
	const char *pid = parameter(r, "pid");
	char *slash;
	uint64_t n;

	*ret = (struct query_target){.comm = parameter(r, "comm")};
	if (pid && parse_number(pid, INT32_MAX, &n))
		query_fail(&r->error, -EINVAL,
			   "pid '%.100s' is not valid: a number from 1 to %d",
			   pid, INT32_MAX);
	else if (pid)
		ret->pid = (uint32_t)n;
	if (!strncmp(path, "/comm/", 6)) {
		path += 6;
		ret->comm = path;
		slash = strchr(path, '/');
	} else if (*path == '/') {
		slash = strchr(path + 1, '/');
		if (!slash || strspn(path + 1, "0123456789") !=
				      (size_t)(slash - path - 1))
			return path;
		*slash = '\0';
		if (parse_number(path + 1, INT32_MAX, &n))
			n = UINT32_MAX; // nobody's
		ret->pid = (uint32_t)n;
		*slash = '/';
	} else {
		return path; // "GET ?x": there is nothing before the query
	}
	if (!slash)
		return path + strlen(path);
	*slash = '\0';
	// The name ends there; the path goes on with a slash again.
	memmove(slash + 2, slash + 1, strlen(slash + 1) + 1);
	slash[1] = '/';
	return slash + 1;
}

static bool is_allowed(const char *method, const char *allowed)
{
	if (!strcmp(method, MHD_HTTP_METHOD_HEAD))
		return !strcmp(allowed, MHD_HTTP_METHOD_GET);
	return !strcmp(method, allowed);
}

static enum MHD_Result run_route(struct request *r, const struct route *route,
				 const struct query_target *target)
{
	enum MHD_Result ok;

	if (!is_allowed(r->method, route->method)) {
		query_fail(&r->error, -EINVAL, "'%s' takes %s, not %s",
			   route->path, route->method, r->method);
		return send_error(r, MHD_HTTP_METHOD_NOT_ALLOWED);
	}
	if (!route->has_target)
		return route->handler(r, route->kind);
	r->p = query_find(r->http->query, target, &r->error);
	if (!r->p)
		return fail(r);
	ok = route->handler(r, route->kind);
	proc_unref(r->p);
	return ok;
}

static enum MHD_Result serve(struct request *r, const char *url)
{
	struct query_target target;
	const struct route *route;
	enum MHD_Result ok;
	// Room for the NUL that is put behind a target.
	char *path = malloc(strlen(url) + 2);

	if (!path)
		return MHD_NO;
	strcpy(path, url);
	route = find_route(split_target(r, path, &target));
	if (route && route->has_target && r->error.err) {
		ok = fail(r);
	} else if (route) {
		ok = run_route(r, route, &target);
	} else {
		query_fail(&r->error, -ENOENT, "unknown path '%.200s'", url);
		ok = fail(r);
	}
	free(path);
	return ok;
}

// libmicrohttpd calls this once for the headers, for each part of a body (ours
// have none; what comes is dropped) and at the end.
static enum MHD_Result on_request(void *context,
				  struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *n_upload, void **state)
{
	static int has_headers;
	struct http *h = context;
	struct request r = {
		.http = h, .connection = connection, .method = method};
	enum MHD_Result ok;

	(void)version;
	(void)upload;
	if (!*state) {
		*state = &has_headers;
		return MHD_YES;
	}
	if (*n_upload) {
		*n_upload = 0;
		return MHD_YES;
	}
	atomic_fetch_add_explicit(&h->x_n_requests, 1, memory_order_relaxed);
	log_debug("%s %s", method, url);
	ok = serve(&r, url);
	table_touch(h->query->table);
	atomic_fetch_sub_explicit(&h->x_n_requests, 1, memory_order_relaxed);
	return ok;
}

static uint32_t peer_of(int fd)
{
	struct ucred cred = {0};
	socklen_t n = sizeof(cred);

	// Those nobody can name share a place.
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
	return (uint32_t)cred.pid;
}

// The place of PID, or a free one: there are as many as connections. Needs the
// lock.
static struct client *find_client(struct http *h, uint32_t pid)
{
	struct client *found = NULL;

	for (unsigned i = 0; i < HTTP_MAX; i++) {
		struct client *c = &h->clients[i];

		if (c->n && c->pid == pid)
			return c;
		if (!c->n)
			found = c;
	}
	return found;
}

// Counts one more of PID; false when that would be too many.
static bool count_in(struct http *h, uint32_t pid)
{
	struct client *c;
	bool is_in;

	pthread_mutex_lock(&h->lock);
	c = find_client(h, pid);
	is_in = c && h->n_connections < HTTP_MAX && c->n < HTTP_PER_PROCESS;
	if (is_in) {
		c->pid = pid;
		c->n++;
		h->n_connections++;
	}
	pthread_mutex_unlock(&h->lock);
	return is_in;
}

static void count_out(struct http *h, uint32_t pid)
{
	struct client *c;

	pthread_mutex_lock(&h->lock);
	c = find_client(h, pid);
	if (c && c->n) {
		c->n--;
		h->n_connections--;
	}
	pthread_mutex_unlock(&h->lock);
}

// Whose it is the library keeps from the first call to the last.
static void on_connection(void *context, struct MHD_Connection *connection,
			  void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		count_out(context, (uint32_t)(uintptr_t)*socket_context);
		return;
	}
	info = MHD_get_connection_info(connection,
				       MHD_CONNECTION_INFO_CONNECTION_FD);
	*socket_context =
		(void *)(uintptr_t)(info ? peer_of(info->connect_fd) : 0);
}

struct http *http_new(struct query *query)
{
	const unsigned flags = MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
			       MHD_USE_INTERNAL_POLLING_THREAD |
			       MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL;
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->query = query;
	pthread_mutex_init(&h->lock, NULL);
	h->daemon =
		MHD_start_daemon(flags, 0, NULL, NULL, on_request, h,
				 MHD_OPTION_CONNECTION_LIMIT,
				 LIBRARY_CONNECTIONS_MAX,
				 MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
				 MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
				 MHD_OPTION_THREAD_STACK_SIZE,
				 (size_t)STACK_BYTES, MHD_OPTION_END);
	if (h->daemon)
		return h;
	free(h);
	return NULL;
}

void http_free(struct http *h)
{
	MHD_stop_daemon(h->daemon);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

// Says so, as far as that goes without waiting, and closes FD.
static void turn_away(int fd)
{
	static const char text[] = "HTTP/1.1 503 Service Unavailable\r\n"
				   "Content-Type: text/plain; charset=utf-8\r\n"
				   "X-Go-Pprof: 1\r\nConnection: close\r\n"
				   "Content-Length: 29\r\n\r\n"
				   "too many connections at once\n";
	char request[4096];

	log_info("an HTTP connection was turned away");
	// What is left unread would make the close a reset.
	(void)recv(fd, request, sizeof(request), MSG_DONTWAIT);
	(void)send(fd, text, sizeof(text) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

void http_add(struct http *h, int fd)
{
	const struct sockaddr_un nobody = {.sun_family = AF_UNIX};
	const uint32_t pid = peer_of(fd);

	if (!count_in(h, pid)) {
		turn_away(fd);
		return;
	}
	// It closes the descriptor when it can't serve it.
	if (MHD_add_connection(h->daemon, fd, (const struct sockaddr *)&nobody,
			       sizeof(nobody.sun_family)) == MHD_YES)
		return;
	count_out(h, pid);
	log_info("an HTTP connection was turned away");
}

unsigned http_n_requests(struct http *h)
{
	return atomic_load_explicit(&h->x_n_requests, memory_order_relaxed);
}
