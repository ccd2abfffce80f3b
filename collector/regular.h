// SPDX-License-Identifier: Apache-2.0
//
// Dumps that nobody has to ask for: every so often, every so many bytes
// allocated, and at each new height of the bytes in use. All of it happens at
// the collector's visits; the process does nothing for it. Needs the session's
// lock.
#ifndef CPROF_COLLECTOR_REGULAR_H
#define CPROF_COLLECTOR_REGULAR_H

#include "collector/proc.h"

// What the hello asks for begins now, if it has not yet. After drain_start().
void regular_start(struct proc *p);

// Posts what has become due. IS_OVER: this is the last time. After a drain.
void regular_visit(struct proc *p, bool is_over);

#endif
