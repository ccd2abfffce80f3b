// SPDX-License-Identifier: Apache-2.0
//
// Keeps a sender (push_send.h) at work: a process that waits for it, and begins
// another when it dies by a signal, which the collector can't, in its sandbox.
// An item that kills one sender after the other is set aside.
#ifndef CPROF_COLLECTOR_PUSH_KEEP_H
#define CPROF_COLLECTOR_PUSH_KEEP_H

#include "collector/push_send.h"

// Forks: before the collector has threads. SERVER's texts must stay. The
// descriptor that the sender is told by, or negative errno.
int push_keep_start(const struct push_server *server, struct push_spool *spool,
		    bool is_sandboxed);

#endif
