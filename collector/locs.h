// SPDX-License-Identifier: Apache-2.0
//
// The mappings, locations and functions of one profile, made from frames as
// they come, each once, with ids 1..n. Mapping 1 is the main program. No frame
// stays without a name. Errors stick in the arena. One thread at a time.
#ifndef CPROF_COLLECTOR_LOCS_H
#define CPROF_COLLECTOR_LOCS_H

#include "collector/image.h"
#include "collector/strtab.h"

#include <stddef.h>

struct locs;
struct Perftools__Profiles__Profile;

// Where frames point to: images[id - 1], borrowed; COMM names the main program
// where no image does. NULL: no memory.
struct locs *locs_new(struct arena *arena, struct strtab *strings,
		      struct image *const *images, uint32_t n_images,
		      const char *comm);
void locs_free(struct locs *l);

// The id of the location of FRAME; *ret_is_allocator tells whether its function
// is an entry point of an allocator. 0: no memory.
uint64_t locs_id(struct locs *l, const struct frame *frame,
		 bool *ret_is_allocator);

// Puts the tables into PROFILE, which lives as long as the arena and L.
void locs_finish(struct locs *l, struct Perftools__Profiles__Profile *profile);

#endif
