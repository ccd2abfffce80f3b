// SPDX-License-Identifier: Apache-2.0
//
// Tells what is in use apart by its age: rows of a heap's snapshot are split,
// with nothing lost or won; what was allocated stays in one.
#ifndef CPROF_COLLECTOR_AGES_H
#define CPROF_COLLECTOR_AGES_H

#include "collector/agg.h"
#include "collector/snap.h"

// The live samples (agg.live) of the moment that a snapshot is of.
struct ages_live {
	const struct agg_live *list;
	size_t n;
	uint32_t now_s; // CLOCK_MONOTONIC
};

// 0, or -ENOMEM with S as it was.
int ages_split(struct snap *s, const struct ages_live *live);

#endif
