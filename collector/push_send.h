// SPDX-License-Identifier: Apache-2.0
//
// The sender: a process of its own, since the collector, which reads the bytes
// of strangers, has no way to the network. It takes the spool's items, oldest
// first, to a Pyroscope server's /ingest, by libcurl; what the server can't
// take now is tried again, later and later; what it refuses is given up, said
// and counted. It knows no session and no profile.
#ifndef CPROF_COLLECTOR_PUSH_SEND_H
#define CPROF_COLLECTOR_PUSH_SEND_H

#include "collector/push_spool.h"

#include <stdbool.h>

// Bytes that the collector writes to the sender.
#define PUSH_WAKE 'w' // there is something new
#define PUSH_END  'e' // send what there is, once, and end

// The user's: where to, and with what headers ("Name: value" lines of a file).
struct push_server {
	const char *url;
	const char *headers; // NULL: none
};

// 0, or -EINVAL: URL is not http://HOST... or https://HOST... Any time.
int push_send_check(const char *url);

// What of URL stands behind its scheme, or behind a "user:password@" there.
const char *push_send_host(const char *url);

// Serves until the other end of WAKE_FD is closed or says PUSH_END. Does not
// return. To be called in a process made for it, with one thread.
void push_send_run(const struct push_server *server, struct push_spool *spool,
		   int wake_fd, bool is_sandboxed) __attribute__((noreturn));

#endif
