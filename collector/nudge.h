// SPDX-License-Identifier: Apache-2.0
//
// Threads that began while CPU samples were off have no timer, so that nobody
// pays for one. When the samples are switched on the threads must learn of it,
// also those that do nothing but compute: each that runs is sent the shim's
// signal with request 0, again and again at growing distances, and at first
// those that sleep where a signal disturbs nothing (askable.h). A thread that
// comes to any slow path of a hook sees it by itself.
#ifndef CPROF_COLLECTOR_NUDGE_H
#define CPROF_COLLECTOR_NUDGE_H

#include "collector/askable.h"
#include "collector/proc.h"

struct nudge {
	struct askable_policy policy;
	bool is_first;
};

// Whether it is time. Needs the lock; nudge_send() does not, and must not have
// it: it reads a file a thread.
bool nudge_is_due(struct proc *p, struct nudge *ret);
void nudge_send(struct proc *p, const struct nudge *n);

#endif
