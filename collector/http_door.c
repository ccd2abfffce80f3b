// SPDX-License-Identifier: Apache-2.0
//
// Connections go to http.h as they are accepted; what they say is read by
// nobody here.
#include "collector/http_door.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

// Accepted in one go; then others that wait for the loop have their turn.
#define ACCEPTS_MAX   64u
#define BUSY_PAUSE_MS 20

void http_door_init(struct http_door *d)
{
	*d = (struct http_door){.watch.fd = -1};
}

bool http_door_is_open(const struct http_door *d)
{
	return d->watch.fd >= 0;
}

static int check(int fd, const struct http_access *access)
{
	char name[TCP_NAME_BYTES];

	if (tcp_name(fd, name))
		return -EINVAL;
	if (!tcp_is_loopback(fd) && !access->token && !access->cert)
		return -EACCES;
	return 0;
}

int http_door_take(struct http_door *d, int fd,
		   const struct http_access *access)
{
	char name[TCP_NAME_BYTES];
	int err = http_door_is_open(d) ? -EBUSY : check(fd, access);

	if (err) {
		close(fd);
		return err;
	}
	(void)tcp_name(fd, name);
	snprintf(d->url, sizeof(d->url), "%s://%s/",
		 access->cert ? "https" : "http", name);
	d->access = access;
	d->watch.fd = fd;
	return 0;
}

int http_door_open(struct http_door *d, const char *name,
		   const struct http_access *access)
{
	int fd, err = tcp_listen(name, &fd);

	return err ? err : http_door_take(d, fd, access);
}

static void on_connection(void *context, uint32_t events)
{
	struct http_door *d = context;
	int fd = 0;

	(void)events;
	for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
		fd = tcp_accept(d->watch.fd);
		if (fd < 0)
			break;
		http_add_tcp(d->http, fd);
	}
	// Without descriptors it stays in the queue and wakes us again and
	// again: wait until some are given back.
	if (fd == -EMFILE || fd == -ENFILE)
		(void)poll(NULL, 0, BUSY_PAUSE_MS);
}

int http_door_serve(struct http_door *d, struct loop *loop, struct http *http,
		    struct query *query)
{
	int err;

	d->loop = loop;
	d->http = http;
	d->query = query;
	d->watch.fn = on_connection;
	d->watch.context = d;
	err = loop_add(loop, &d->watch, EPOLLIN);
	// release: pairs with who reads the text; it is constant from now on
	if (!err)
		atomic_store_explicit(&query->x_http_url, d->url,
				      memory_order_release);
	return err;
}

void http_door_close(struct http_door *d)
{
	if (!http_door_is_open(d))
		return;
	if (d->loop)
		loop_remove(d->loop, &d->watch);
	close(d->watch.fd);
	d->watch.fd = -1;
}
