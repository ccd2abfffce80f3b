// SPDX-License-Identifier: Apache-2.0
//
// The sets of labels of one process (proto/record.h, LABELS). What a set is
// made of may come after the samples that carry its number: it is looked at
// when a profile is written. Numbers are the process's and may name anything;
// whoever follows them counts his steps.
// One thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_LABELS_H
#define CPROF_COLLECTOR_LABELS_H

#include "collector/snap.h"
#include "proto/limits.h"

#include <stdint.h>

struct labels {
	struct snap_labels *sets; // by number
	size_t n;		  // at most LABEL_SETS_MAX
	size_t sets_capacity;
	char *texts; // begins with a NUL; each ends in one
	size_t n_bytes;
	size_t texts_capacity;
};

void labels_init(struct labels *l);
void labels_fini(struct labels *l);

// SET is PARENT and one label more, TEXT (of N_BYTES): key, NUL, value, NUL. A
// set that is known stays as it is; what makes no sense is ignored.
void labels_put(struct labels *l, uint64_t set, uint64_t parent,
		const char *text, size_t n_bytes);

// Copies all into S. 0 or -ENOMEM.
int labels_copy(const struct labels *l, struct snap *s);

size_t labels_bytes(const struct labels *l);

#endif
