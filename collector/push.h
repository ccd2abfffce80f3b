// SPDX-License-Identifier: Apache-2.0
//
// Continuous profiling: every so many seconds, and at its end, what each
// process did since the last time goes into a spool, from which a sender
// (push_send.h), a process of its own, takes it to a Pyroscope server. A
// profile is in the spool before it can be sent, so an outage of the server
// loses nothing that there is room for.
//
// push_start() forks: before the collector has threads. Everything else: any
// thread.
#ifndef CPROF_COLLECTOR_PUSH_H
#define CPROF_COLLECTOR_PUSH_H

#include "collector/push_send.h"
#include "collector/table.h"

struct push_config {
	struct push_server server;
	uint64_t interval_s;
	const char *spool_dir;
	uint64_t spool_bytes;
	bool is_sandboxed;
};

struct push;

// Opens the spool and starts the sender. CONFIG's texts must stay. NULL and
// *ret_err.
struct push *push_start(const struct push_config *config, int *ret_err);

// Begins to take the profiles of TABLE's sessions, with a thread. 0 or negative
// errno.
int push_serve(struct push *p, struct table *table);

// P is over, drained and written: its last profiles are still to be taken. To
// be called before its table forgets it.
void push_finished(struct push *p, struct proc *session);

// Takes what there is of all sessions, gives the sender a moment to send it,
// and ends both. What is left is in the spool for the next collector.
void push_stop(struct push *p);

// Counters of the spool and the sender.
const struct push_status *push_status(const struct push *p);

#endif
