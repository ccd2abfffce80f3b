// SPDX-License-Identifier: Apache-2.0
//
// A visit to a session, by one thread of the readers' pool at a time: drain,
// look after the process, serve what it asks for, and say when to come again.
#ifndef CPROF_COLLECTOR_VISIT_H
#define CPROF_COLLECTOR_VISIT_H

#include "collector/proc.h"

// Gives P its jobs. Before the first proc_poke().
void visit_init(struct proc *p);

// Tells P's process which unwind tables there are, and has the others made.
// With the lock.
void visit_walks(struct proc *p);

// The collector ends: drains P once more and hands the files of an exit to the
// writers, unless that was done; a process that goes on is told to look for
// another collector. Takes the lock.
void visit_finish(struct proc *p);

#endif
