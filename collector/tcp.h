// SPDX-License-Identifier: Apache-2.0
//
// The listening TCP socket of --http: "127.0.0.1:6060", "[::1]:6060",
// "localhost:6060", or a port alone, which is one of 127.0.0.1; port 0 is any
// that is free. Any thread.
#ifndef CPROF_COLLECTOR_TCP_H
#define CPROF_COLLECTOR_TCP_H

#include <stdbool.h>
#include <stddef.h>

// "[ADDRESS]:PORT" with its NUL.
#define TCP_NAME_BYTES 64u

// Listens at NAME. 0; -EINVAL: it can't be understood; -ENOENT: the address is
// unknown; or what the kernel said.
int tcp_listen(const char *name, int *ret_fd);

// Where the socket FD listens, as "127.0.0.1:6060". 0; -EINVAL when it is no
// listening TCP socket.
int tcp_name(int fd, char ret_name[TCP_NAME_BYTES]);

// True when only this machine can reach the listening socket FD.
bool tcp_is_loopback(int fd);

// The next connection, or negative errno (-EAGAIN: none).
int tcp_accept(int fd);

#endif
