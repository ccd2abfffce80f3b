// SPDX-License-Identifier: Apache-2.0
//
// Where the collector is: its socket, its program, and starting it when nobody
// answers. Raw calls on the caller's stack only; async-signal-safe.
#ifndef CPROF_PRELOAD_LAUNCH_H
#define CPROF_PRELOAD_LAUNCH_H

#include <stddef.h>

// Remembers the folder libcprof.so was loaded from and the name of the socket,
// both absolute: the host may go elsewhere. Constructor only.
void launch_init(void);

// The name of the collector's socket, or NULL when it does not fit a socket
// address (107 bytes).
const char *launch_socket_name(void);

// Starts `cprofd --auto` on the socket NAME, orphaned, in a session of its own,
// without the shim and with no descriptor of the host's. The host gets no child
// and no SIGCHLD. 0, or negative errno when no cprofd could be started.
int launch_collector(const char *name);

#endif
