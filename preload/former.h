// SPDX-License-Identifier: Apache-2.0
//
// The former region of a process that has found a new collector. Records that
// nobody had read lie in it, and the collector before took its only descriptor
// with it: so the process itself moves them to the new region, some with each
// of its next events, and then gives their memory back in pieces; all at once
// would stall a hook. The live table is never replaced: a block is freed by the
// id it was allocated with, whoever collects.
//
// Only who attaches (holds state.x_attaching) may call these;
// async-signal-safe.
#ifndef CPROF_PRELOAD_FORMER_H
#define CPROF_PRELOAD_FORMER_H

#include "proto/region.h"

#include <stdbool.h>

// The session is about to go on in a region whose status page is NEXT: keeps
// what is in its stripes, lets nobody add to them, and tells NEXT what goes on
// (ids, counters). False: not now, since this thread is in the middle of a
// push; nothing has changed.
bool former_keep(struct region_status *next);

// It does not go on there after all.
void former_cancel(void);

// Takes a small part of a millisecond. IS_STALE: nobody reads the new region
// either; what finds no room in it then is lost, and counted as such.
void former_advance(bool is_stale);

// Moves all there is room for; true when nothing is left to move.
bool former_move(void);

#endif
