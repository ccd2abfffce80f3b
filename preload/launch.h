// SPDX-License-Identifier: Apache-2.0
//
// Where the collector is: its socket, its program, and starting it when nobody
// answers. Raw calls on the caller's stack only; async-signal-safe.
#ifndef CPROF_PRELOAD_LAUNCH_H
#define CPROF_PRELOAD_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>

// Remembers the folder libcprof.so was loaded from and the name of the socket,
// both absolute: the host may go elsewhere. Constructor only.
void launch_init(void);

// The name of the collector's socket, or NULL when it does not fit a socket
// address (107 bytes).
const char *launch_socket_name(void);

// Starts `cprofd --auto` on the socket NAME, orphaned, in a session of its own,
// without the shim and with no descriptor of the host's, and does not wait for
// it. The host sees no SIGCHLD, and no child in any wait but one with __WALL or
// __WCLONE before launch_reap(). 0 (also when the last one is still on its
// way), or negative errno when none could be started. One thread at a time.
int launch_collector(const char *name);

// Waits until the collector runs its program. 0, or negative errno: it does
// not. May take milliseconds.
int launch_wait(void);

// True when the collector that launch_wait() has seen run is no more: it could
// not serve (it says why in its log), or another does. False also where the
// kernel can't tell (before Linux 5.3).
bool launch_is_over(void);

// True while launch_reap() has work to do.
bool launch_has_child(void);
void launch_reap(void);

#endif
