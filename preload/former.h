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

// Takes all stripes, so that nobody is in the middle of a push when another
// region takes the place of this one. False: somebody is, and nothing has
// changed; IS_LATE: only if it is this thread, others break the new ring.
bool former_hold(bool is_late);
// Gives them back.
void former_release(void);

// The session is about to go on in a region whose status page is NEXT: keeps
// what is in its stripes, if there is memory for that, and tells NEXT what goes
// on (ids).
void former_keep(struct region_status *next);

// It goes on there: counts there what no profile has said yet.
void former_carry(void);

// Takes a small part of a millisecond. IS_STALE: nobody reads the new region
// either; what finds no room in it then is lost, and counted as such.
void former_advance(bool is_stale);

// Gives up what is left there.
void former_drop(void);

// Moves all there is room for; true when nothing is left to move.
bool former_move(void);

#endif
