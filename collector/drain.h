// SPDX-License-Identifier: Apache-2.0
//
// Reads all that a session's process has pushed: its rings and the freed slots
// of its live table, or its stream. Needs the session's lock.
#ifndef CPROF_COLLECTOR_DRAIN_H
#define CPROF_COLLECTOR_DRAIN_H

#include "collector/proc.h"

// Reads the maps for the first time: before the process is answered, since they
// are empty once it is gone, which may be soon. Once only.
void drain_start(struct proc *p);

// Reads everything that was pushed before the call. Returns the bytes read.
uint64_t drain_run(struct proc *p);

// Reads the same for the last time: the collector ends, the process may not.
void drain_close(struct proc *p);

// Frees the stripes whose writer has died in the middle of a record. Two calls
// with nothing written between them are needed.
void drain_free_stripes(struct proc *p);

#endif
