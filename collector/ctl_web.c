// SPDX-License-Identifier: Apache-2.0
//
// A collector in its sandbox can make no TCP socket, so this makes one that
// listens and hands it over.
#include "collector/ctl_web.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_http.h"
#include "collector/ctl_json.h"
#include "collector/tcp.h"
#include "proto/version.h"
#include "proto/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_NAME "127.0.0.1:6060"
#define ANY_NAME     "127.0.0.1:0"

// Where the collector serves, into RET_URL, "" where it doesn't.
static int ask_url(const struct ctl_options *options,
		   char ret_url[TCP_NAME_BYTES + 16])
{
	struct ctl_request request = {.socket = options->socket,
				      .path = "/api/ps"};
	json_t *root;
	int status = ctl_http_json(&request, &root);

	if (status)
		return status;
	(void)snprintf(ret_url, TCP_NAME_BYTES + 16, "%s",
		       ctl_json_text(root, "http"));
	json_decref(root);
	return CTL_OK;
}

// Sends the descriptor, and waits for the end of the connection.
static int send_socket(int to, int fd)
{
	struct wire_header h = {WIRE_MAGIC, PROTO_VERSION, WIRE_LISTEN, 0};
	struct iovec part = {&h, sizeof(h)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = &part,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	char byte;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	if (sendmsg(to, &msg, MSG_NOSIGNAL) < 0)
		return -errno;
	while (recv(to, &byte, 1, 0) > 0)
		;
	return 0;
}

static int hand_over(const char *socket_name, int fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err = 0;

	if (to < 0)
		return -errno;
	memcpy(a.sun_path, socket_name, strlen(socket_name));
	if (connect(to, (struct sockaddr *)&a, sizeof(a)))
		err = -errno;
	if (!err)
		err = send_socket(to, fd);
	close(to);
	return err;
}

// At NAME (NULL: the usual port, or any where that is taken).
static int listen_at(const char *name, int *ret_fd)
{
	int err = tcp_listen(name ? name : DEFAULT_NAME, ret_fd);

	if (err == -EADDRINUSE && !name)
		err = tcp_listen(ANY_NAME, ret_fd);
	if (err == -EINVAL)
		return ctl_fail(CTL_USAGE,
				"'%s' is not valid: ADDRESS:PORT, or a PORT",
				name);
	if (err)
		return ctl_fail(CTL_FAILED, "can't listen at '%s': %s",
				name ? name : DEFAULT_NAME, strerror(-err));
	return CTL_OK;
}

static int open_door(const struct ctl_options *options, const char *name)
{
	int fd, err;
	int status = listen_at(name, &fd);

	if (status)
		return status;
	err = hand_over(options->socket, fd);
	close(fd);
	if (!err)
		return CTL_OK;
	return ctl_fail(CTL_FAILED, "the collector at '%s' broke off: %s",
			options->socket, strerror(-err));
}

int ctl_web(const struct ctl_options *options)
{
	char url[TCP_NAME_BYTES + 16];
	const char *name = options->n_words ? options->words[0] : NULL;
	int status;

	if (options->n_words > 1)
		return ctl_fail(CTL_USAGE, "web: '%s' is one word too many",
				options->words[1]);
	status = ask_url(options, url);
	if (!status && !*url) {
		status = open_door(options, name);
		if (!status)
			status = ask_url(options, url);
	} else if (!status && name) {
		ctl_fail_note("it is served already, and at one address only");
	}
	if (status)
		return status;
	if (!*url)
		return ctl_fail(CTL_FAILED,
				"the collector refused '%s': an address that "
				"others can reach needs cprofd's --token or "
				"--tls-cert",
				name ? name : DEFAULT_NAME);
	(void)printf("%s\n", url);
	(void)fprintf(stderr, "go tool pprof %sdebug/pprof/heap\n", url);
	return CTL_OK;
}
