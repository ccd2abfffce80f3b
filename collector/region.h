// SPDX-License-Identifier: Apache-2.0
//
// Makes the regions of proto/region.h: a sealed, prefaulted memfd with its
// header filled in, mapped here and to be mapped by one profiled process. What
// the layout is, is kept in private memory: nothing is read back from the
// shared pages to find it. One thread at a time per region; the atomics in it
// as proto/region.h says.
#ifndef CPROF_COLLECTOR_REGION_H
#define CPROF_COLLECTOR_REGION_H

#include "proto/region.h"

#include <stdbool.h>
#include <stddef.h>

struct region_size {
	uint32_t n_stripes;
	uint32_t stripe_bytes;
	uint32_t lg_live_buckets;
	uint32_t lg_sent;
	uint32_t lg_log;
	uint32_t n_first; // stripes that have memory from the start
};

// For a process that samples; for one that records every allocation and must
// not lose any; and for one of very many, so that memory stays bounded.
extern const struct region_size region_default;
extern const struct region_size region_exact;
extern const struct region_size region_small;

// The one whose region is N_BYTES long, or NULL.
const struct region_size *region_size_of(uint64_t n_bytes);

struct region {
	struct region_control *control;
	struct region_status *status;
	size_t size_bytes;
	int memfd;	  // -1 once it is of no more use
	uint32_t n_ready; // stripes that have memory; private, as all here
	struct region_size size;
	size_t stripes_offset;
	size_t live_offset;
	size_t ids_offset;
	size_t walk_offset;
	size_t sent_offset;
	size_t log_offset;
};

// All memory is allocated when it returns, but for that of the last stripes. 0
// or negative errno.
int region_new(const struct region_size *size, struct region **ret);

// Allocates the other stripes and lets the process use them; closes the
// descriptor. 0 or negative errno: then those of before are all there will be.
int region_grow(struct region *r);
void region_free(struct region *r);

// Closes the descriptor: the mapping stays.
void region_close_fd(struct region *r);

struct stripe *region_stripe(const struct region *r, uint32_t i);
struct live_bucket *region_bucket(const struct region *r, uint32_t i);
// The id of slot SLOT of bucket I.
_Atomic uint64_t *region_id(const struct region *r, uint32_t i, uint32_t slot);
struct walk_index *region_walk_index(const struct region *r);
static inline uint32_t region_n_buckets(const struct region *r)
{
	return 1u << r->size.lg_live_buckets;
}

#endif
