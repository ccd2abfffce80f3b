// SPDX-License-Identifier: Apache-2.0
//
// The string table of one profile: each text once, "" first. Borrows nothing:
// texts are copied, and made UTF-8 where they aren't. Errors stick in its
// arena. One thread at a time.
#ifndef CPROF_COLLECTOR_STRTAB_H
#define CPROF_COLLECTOR_STRTAB_H

#include "collector/arena.h"

#include <stdint.h>

struct strtab {
	struct arena *arena; // owner of the texts
	char **texts;
	uint32_t n_texts;
	uint32_t texts_capacity;
	uint32_t *slots; // index + 1, open addressing, at most half full
	uint32_t n_slots;
};

void strtab_init(struct strtab *t, struct arena *arena);
void strtab_fini(struct strtab *t);
// The index of TEXT; 0 when it is empty or there is no memory.
int64_t strtab_index(struct strtab *t, const char *text);

#endif
