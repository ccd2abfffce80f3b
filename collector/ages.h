// SPDX-License-Identifier: Apache-2.0
//
// Tells what is in use apart by its age: rows of a heap's snapshot are split,
// with nothing lost or won; what was allocated stays in one. Needs the lock of
// the process whose state it is.
#ifndef CPROF_COLLECTOR_AGES_H
#define CPROF_COLLECTOR_AGES_H

#include "collector/agg.h"
#include "collector/snap.h"

// S was just copied from A. NOW_S: CLOCK_MONOTONIC. 0, or -ENOMEM with S as it
// was.
int ages_split(struct snap *s, const struct agg *a, uint32_t now_s);

#endif
