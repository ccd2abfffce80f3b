// SPDX-License-Identifier: Apache-2.0
//
// One process's index of unwind tables: which of them holds where, for the walk
// in the process (proto/walk.h). It is made from the images as the collector
// knows them, and says for which generation: a library that goes bumps the
// generation first, so that nobody walks with a table of what has gone.
// One thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_WALKINDEX_H
#define CPROF_COLLECTOR_WALKINDEX_H

#include "collector/image.h"
#include "collector/walktab.h"
#include "proto/walk.h"

struct walkindex {
	struct walktabs *tabs;	   // borrowed; NULL: nobody walks
	struct walk_index *shared; // in the region, borrowed; may be NULL
	struct walk_index *own;	   // what it says; NULL until there is one
	// What it was made from.
	uint64_t image_changes;
	uint32_t tab_changes;
	uint32_t generation;
	struct walktab *refs[WALK_IMAGES_MAX];
	uint32_t n_refs;
	uint32_t n_wanted; // tables that are being made and will be there soon
};

// TABS may be NULL.
void walkindex_init(struct walkindex *w, struct walktabs *tabs);
// Tells the process that there are no tables any more.
void walkindex_empty(struct walkindex *w);
void walkindex_fini(struct walkindex *w);

// The process reads SHARED from now on.
void walkindex_use(struct walkindex *w, struct walk_index *shared);

// Makes it anew when something has changed. IMAGES are as they were read at
// GENERATION (even).
void walkindex_update(struct walkindex *w, const struct images *images,
		      uint32_t generation);

#endif
