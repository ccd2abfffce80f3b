// SPDX-License-Identifier: Apache-2.0
//
// A visit to a session, by one thread of the readers' pool at a time: drain,
// look after the process, serve what it asks for, and say when to come again.
#ifndef CPROF_COLLECTOR_VISIT_H
#define CPROF_COLLECTOR_VISIT_H

#include "collector/proc.h"

// Gives P its jobs. Before the first proc_poke().
void visit_init(struct proc *p);

#endif
