// SPDX-License-Identifier: Apache-2.0
//
// The names of a process's own profiles (proto/record.h, PROFILE), by number:
// kinds beyond those of kinds.def. Which objects are in them is agg's.
// One thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_PROFILES_H
#define CPROF_COLLECTOR_PROFILES_H

#include "collector/snap.h"
#include "proto/limits.h"

#include <stddef.h>
#include <stdint.h>

// names[i] is that of number i + 1; "" while there is none.
struct profiles {
	char names[PROFILES_MAX][PROFILE_NAME_MAX_BYTES + 1];
};

// NUMBER is called TEXT (of N_BYTES, ends at a NUL before that). What is known,
// or the name of another or of a kind, or no name of a file, is ignored.
void profiles_put(struct profiles *p, uint64_t number, const char *text,
		  size_t n_bytes);

// The kind (KIND_N and more) of the profile called NAME, or -ENOENT.
int profiles_find(const struct profiles *p, const char *name);

#endif
