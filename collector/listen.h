// SPDX-License-Identifier: Apache-2.0
//
// The collector's listening socket and the lock that makes it the only one
// there. The lock is a file beside the socket, locked for as long as this
// process lives: whoever holds it may replace a socket that a dead collector
// left behind. The loop's thread only.
#ifndef CPROF_COLLECTOR_LISTEN_H
#define CPROF_COLLECTOR_LISTEN_H

#include "proto/limits.h"

#include <stdbool.h>
#include <sys/types.h>

struct listener {
	int fd;
	int lock_fd;
	char path[SOCKET_NAME_MAX_BYTES + 1];
	dev_t dev; // what the path was when the socket was made
	ino_t inode;
	bool is_given; // by a service manager, whose name it is
};

// Listens at PATH, in a folder that paths_check() finds safe. A collector that
// is just ending is waited for. 0; -EADDRINUSE when another one serves there;
// or another negative errno.
int listen_open(struct listener *l, const char *path);
void listen_close(struct listener *l);

// Takes the name away: nobody finds this collector any more. True when a
// connection is waiting that came before; it is still to be accepted.
bool listen_retire(struct listener *l);
// Listens again at the same name, with a new descriptor. 0 or negative errno.
int listen_restore(struct listener *l);

// True when somebody has removed the name but left the lock (a cleaner of
// /tmp): nobody finds this collector, nor may another take its place.
bool listen_is_lost(const struct listener *l);

// The next connection, or negative errno (-EAGAIN: none).
int listen_accept(struct listener *l);

#endif
