// SPDX-License-Identifier: Apache-2.0
//
// Threads that have ended: a program that makes threads for ever must not fill
// the tables with them. Now and then their rows are added up by the threads'
// names, so that sums stay exact and what is kept stays bounded.
#ifndef CPROF_COLLECTOR_ENDED_H
#define CPROF_COLLECTOR_ENDED_H

#include "collector/proc.h"

// After a round over the rings of P. Needs the lock.
void ended_fold(struct proc *p);

#endif
