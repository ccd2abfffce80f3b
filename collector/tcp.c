// SPDX-License-Identifier: Apache-2.0
//
// Names are looked up once, before the collector is in its sandbox.
#include "collector/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG	     1024
#define HOST_BYTES   256u
#define DEFER_S	     5
#define DEFAULT_HOST "127.0.0.1"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

// Splits NAME at its last colon. Brackets go.
static int split(const char *name, char ret_host[HOST_BYTES],
		 const char **ret_port)
{
	const char *colon = strrchr(name, ':');
	const char *port = colon ? colon + 1 : name;
	size_t n = colon ? (size_t)(colon - name) : strlen(DEFAULT_HOST);
	const char *host = colon ? name : DEFAULT_HOST;

	if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (!*port || strspn(port, "0123456789") != strlen(port) ||
	    strlen(port) > 5 || atoi(port) > UINT16_MAX || n >= HOST_BYTES)
		return -EINVAL;
	memcpy(ret_host, host, n);
	ret_host[n] = '\0';
	*ret_port = port;
	return 0;
}

static int listen_at(const struct addrinfo *a, int *ret_fd)
{
	const int on = 1, defer_s = DEFER_S;
	int fd = socket(a->ai_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	// Who connects and says nothing is not even accepted.
	(void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s,
			 sizeof(defer_s));
	if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, BACKLOG))
		err = -errno;
	if (err)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

int tcp_listen(const char *name, int *ret_fd)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	char host[HOST_BYTES];
	const char *port;
	int err = split(name, host, &port);

	if (err)
		return err;
	// No host at all, ":6060", is every address.
	if (getaddrinfo(*host ? host : NULL, port, &hints, &list))
		return -ENOENT;
	err = listen_at(list, ret_fd);
	freeaddrinfo(list);
	return err;
}

static int address_of(int fd, union address *ret)
{
	socklen_t n = sizeof(*ret);
	int is_listening = 0;
	socklen_t n_is = sizeof(is_listening);

	if (getsockname(fd, &ret->any, &n) ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &n_is) ||
	    !is_listening)
		return -EINVAL;
	return ret->any.sa_family == AF_INET || ret->any.sa_family == AF_INET6
		       ? 0
		       : -EINVAL;
}

int tcp_name(int fd, char ret_name[TCP_NAME_BYTES])
{
	char host[INET6_ADDRSTRLEN];
	union address a = {0};

	if (address_of(fd, &a))
		return -EINVAL;
	if (a.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a.in.sin_addr, host, sizeof(host));
		snprintf(ret_name, TCP_NAME_BYTES, "%s:%u", host,
			 ntohs(a.in.sin_port));
	} else {
		inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof(host));
		snprintf(ret_name, TCP_NAME_BYTES, "[%s]:%u", host,
			 ntohs(a.in6.sin6_port));
	}
	return 0;
}

bool tcp_is_loopback(int fd)
{
	union address a = {0};

	if (address_of(fd, &a))
		return false;
	if (a.any.sa_family == AF_INET)
		return ntohl(a.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr);
}

int tcp_accept(int fd)
{
	const int on = 1;
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (c < 0)
		return -errno;
	// Answers are whole: no need to wait for more of them.
	(void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return c;
}
