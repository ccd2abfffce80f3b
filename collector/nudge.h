// SPDX-License-Identifier: Apache-2.0
//
// Threads that began while CPU samples were off have no timer, so that nobody
// pays for one. When the samples are switched on the threads must learn of it,
// also those that do nothing but compute: each that runs is sent the shim's
// signal with request 0, again and again at growing distances for a minute, and
// at first those that sleep where a signal disturbs nothing (askable.h). A
// thread that comes to any slow path of a hook sees it by itself. Not for ever:
// one that was found running may just enter a call which a signal ends.
#ifndef CPROF_COLLECTOR_NUDGE_H
#define CPROF_COLLECTOR_NUDGE_H

#include "collector/askable.h"
#include "collector/proc.h"

// How long after the switch threads are told.
#define NUDGE_FOR_NS 60000000000u

struct nudge {
	struct askable_policy policy;
	bool is_first;
	uint32_t from_tid; // this and those behind it
};

// Whether it is time. Needs the lock; nudge_send() does not, and must not have
// it: it reads a file a thread. False: it has used its time, and goes on when
// it is called the next time.
bool nudge_is_due(struct proc *p, struct nudge *ret);
bool nudge_send(struct proc *p, const struct nudge *n);

#endif
