// SPDX-License-Identifier: Apache-2.0
//
// Descriptors that come before the library is there are kept as they are; the
// thread that loads it hands them over, and the loop's does from then on.
//
// libmicrohttpd calls on_uri() when it has a request's first line, on_request()
// for its head, for each part of a body and at the end of it, and
// on_completed() when the answer is out or the client has gone.
#include "collector/http.h"

#include "collector/http_reply.h"
#include "collector/http_route.h"
#include "collector/http_slots.h"
#include "collector/lib.h"
#include "collector/log.h"
#include "collector/mem.h"
#include "collector/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

// libmicrohttpd 0.9.75 locks up for good when its own limit is reached in its
// listening thread, so ours, which is counted here, has to come long before.
#define LIBRARY_CONNECTIONS_MAX 4096u
#define IDLE_TIMEOUT_S		30u
// As pool.c's: a request looks names up, too, and threads have 135 KiB of their
// own (drain.c) off it. Pages that nobody touches take no memory.
#define STACK_BYTES (4u << 20)

static const char too_many[] = "too many connections at once";

enum state {
	LOADING, // those that come wait
	SERVING,
	BROKEN, // those that come are told so
};

struct waiting {
	int fd;
	bool is_tcp;
};

struct http {
	struct MHD_Daemon *daemon;
	struct MHD_Daemon *tls; // of TCP; NULL: that is plain as well
	struct query *query;
	const struct http_access *access;
	_Atomic unsigned x_n_requests;
	struct http_slots slots;
	// Of http_start_soon().
	http_loaded_fn loaded;
	void *context;
	pthread_t thread;
	bool has_thread;
	// Not a leaf: http_slots.lock and the library's come after it. Of all
	// that follows.
	pthread_mutex_t lock; // rank 37
	enum state state;
	// Each has its place, so there is one here; none but in LOADING.
	struct waiting waiting[HTTP_SLOTS_MAX];
	unsigned n_waiting;
};

static int fd_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = lib_mhd.get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static void *on_uri(void *context, const char *uri,
		    struct MHD_Connection *connection)
{
	struct http *h = context;
	struct http_request *r = http_request_new(uri);

	if (!r)
		return NULL;
	r->query = h->query;
	r->connection = connection;
	r->is_local = !http_slots_is_tcp(&h->slots, fd_of(connection));
	return r;
}

static void on_completed(void *context, struct MHD_Connection *connection,
			 void **state, enum MHD_RequestTerminationCode code)
{
	(void)context;
	(void)connection;
	(void)code;
	http_request_free(*state);
	*state = NULL;
}

// The head is there. A refusal is answered before the body comes.
static enum MHD_Result begin(struct http *h, struct http_request *r,
			     const char *version)
{
	unsigned status;

	r->is_begun = true;
	if (!strcmp(version, MHD_HTTP_VERSION_1_1) &&
	    !http_request_header(r, MHD_HTTP_HEADER_HOST)) {
		query_fail(&r->error, -EINVAL, "missing required Host header");
		return http_reply_error(r, MHD_HTTP_BAD_REQUEST);
	}
	status = http_access_check(h->access, r);
	return status ? http_reply_error(r, status) : MHD_YES;
}

static enum MHD_Result serve(struct http *h, struct http_request *r)
{
	enum MHD_Result ok;
	int fd = fd_of(r->connection);

	atomic_fetch_add_explicit(&h->x_n_requests, 1, memory_order_relaxed);
	http_slots_serve(&h->slots, fd, true);
	log_debug("%s %s", r->method, r->url);
	ok = http_route_serve(r);
	table_touch(h->query->table);
	http_slots_serve(&h->slots, fd, false);
	atomic_fetch_sub_explicit(&h->x_n_requests, 1, memory_order_relaxed);
	return ok;
}

static enum MHD_Result on_request(void *context,
				  struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *n_upload, void **state)
{
	struct http_request *r = *state;

	(void)connection;
	if (!r)
		return MHD_NO; // no memory
	r->url = url;
	r->method = method;
	if (!r->is_begun)
		return begin(context, r, version);
	if (*n_upload) {
		http_request_add(r, upload, *n_upload);
		*n_upload = 0;
		return MHD_YES;
	}
	return serve(context, r);
}

static void on_connection(void *context, struct MHD_Connection *connection,
			  void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http *h = context;

	(void)socket_context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		http_slots_leave(&h->slots, fd_of(connection));
}

static struct MHD_Daemon *start_daemon(struct http *h,
				       const struct http_access *tls)
{
	const unsigned flags = MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC |
			       MHD_USE_INTERNAL_POLLING_THREAD |
			       MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL;
	const struct MHD_OptionItem certificate[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? tls->cert : NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? tls->key : NULL},
		{MHD_OPTION_END, 0, NULL}};
	const struct MHD_OptionItem none = {MHD_OPTION_END, 0, NULL};

	return lib_mhd.start_daemon(
		tls ? flags | MHD_USE_TLS : flags, 0, NULL, NULL, on_request, h,
		MHD_OPTION_CONNECTION_LIMIT, LIBRARY_CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEAD_MAX_BYTES,
		MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
		MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S,
		MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES,
		MHD_OPTION_ARRAY, tls ? certificate : &none, MHD_OPTION_END);
}

static int start_daemons(struct http *h)
{
	int err = lib_mhd_load();

	if (err)
		return err;
	h->daemon = start_daemon(h, NULL);
	if (h->access->cert)
		h->tls = start_daemon(h, h->access);
	return h->daemon && (h->tls || !h->access->cert) ? 0 : -EINVAL;
}

struct http *http_new(struct query *query, const struct http_access *access)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->query = query;
	h->access = access;
	http_slots_init(&h->slots);
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void http_free(struct http *h)
{
	if (h->has_thread)
		pthread_join(h->thread, NULL);
	while (h->n_waiting)
		close(h->waiting[--h->n_waiting].fd);
	if (h->tls)
		lib_mhd.stop_daemon(h->tls);
	if (h->daemon)
		lib_mhd.stop_daemon(h->daemon);
	http_slots_fini(&h->slots);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

// Says so in a line, as far as that goes without waiting, and closes FD.
static void turn_away(int fd, bool is_tls, const char *why)
{
	char answer[512], request[4096];
	int n = snprintf(answer, sizeof(answer),
			 "HTTP/1.1 503 Service Unavailable\r\n"
			 "Content-Type: text/plain; charset=utf-8\r\n"
			 "X-Go-Pprof: 1\r\nConnection: close\r\n"
			 "Content-Length: %zu\r\n\r\n%s\n",
			 strlen(why) + 1, why);

	log_info("an HTTP connection was turned away: %s", why);
	// What is left unread would make the close a reset.
	(void)recv(fd, request, sizeof(request), MSG_DONTWAIT);
	if (!is_tls)
		(void)send(fd, answer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

// Needs the lock.
static void hand_over(struct http *h, const struct waiting *w)
{
	struct MHD_Daemon *daemon = w->is_tcp && h->tls ? h->tls : h->daemon;
	struct sockaddr_storage address = {0};
	socklen_t n = sizeof(address);
	uint64_t serial = http_slots_serial(&h->slots, w->fd);

	if (h->state == BROKEN) {
		http_slots_leave(&h->slots, w->fd);
		turn_away(w->fd, w->is_tcp && h->access->cert,
			  "the collector can't serve HTTP; its log says why");
		return;
	}
	(void)getpeername(w->fd, (struct sockaddr *)&address, &n);
	// It closes the descriptor when it can't serve it; the loop's thread
	// may have another of that number before the place is given back.
	if (lib_mhd.add_connection(daemon, w->fd, (struct sockaddr *)&address,
				   n) == MHD_YES)
		return;
	http_slots_leave_serial(&h->slots, serial);
	log_info("an HTTP connection was turned away");
}

static void add(struct http *h, int fd, bool is_tcp)
{
	struct waiting w = {fd, is_tcp};

	pthread_mutex_lock(&h->lock);
	if (h->state == LOADING) {
		ASSERT(h->n_waiting < HTTP_SLOTS_MAX);
		h->waiting[h->n_waiting++] = w;
	} else {
		hand_over(h, &w);
	}
	pthread_mutex_unlock(&h->lock);
}

static void serve_waiting(struct http *h, enum state state)
{
	pthread_mutex_lock(&h->lock);
	h->state = state;
	for (unsigned i = 0; i < h->n_waiting; i++)
		hand_over(h, &h->waiting[i]);
	h->n_waiting = 0;
	pthread_mutex_unlock(&h->lock);
}

int http_start(struct http *h)
{
	int err = start_daemons(h);

	if (err)
		log_error("can't serve HTTP: %s",
			  err == -ELIBACC ? lib_error() : strerror(-err));
	if (h->loaded)
		h->loaded(h->context);
	serve_waiting(h, err ? BROKEN : SERVING);
	return err;
}

static void *start_thread(void *context)
{
	(void)prctl(PR_SET_NAME, "cprofd-http");
	(void)http_start(context);
	return NULL;
}

void http_start_soon(struct http *h, http_loaded_fn loaded, void *context)
{
	h->loaded = loaded;
	h->context = context;
	h->has_thread = !pool_thread(&h->thread, start_thread, h);
	if (!h->has_thread)
		(void)http_start(h);
}

static uint32_t peer_of(int fd)
{
	struct ucred cred = {0};
	socklen_t n = sizeof(cred);

	// Those nobody can name share a place.
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n);
	return cred.pid > 0 ? (uint32_t)cred.pid : UINT32_MAX;
}

void http_add(struct http *h, int fd)
{
	if (http_slots_take(&h->slots, fd, false, peer_of(fd)))
		turn_away(fd, false, too_many);
	else
		add(h, fd, false);
}

void http_add_tcp(struct http *h, int fd)
{
	if (http_slots_take(&h->slots, fd, true, 0))
		turn_away(fd, h->access->cert, too_many);
	else
		add(h, fd, true);
}

unsigned http_n_requests(struct http *h)
{
	unsigned n;

	pthread_mutex_lock(&h->lock);
	n = h->n_waiting;
	pthread_mutex_unlock(&h->lock);
	return n + atomic_load_explicit(&h->x_n_requests, memory_order_relaxed);
}
