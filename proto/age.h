// SPDX-License-Identifier: Apache-2.0
//
// How old memory in use is, in classes: the label `age` of the heap's samples.
// The list is age.def.
#ifndef CPROF_PROTO_AGE_H
#define CPROF_PROTO_AGE_H

#include <stdint.h>

#define AGE_LABEL "age"
#define AGE_LIST  "1s, 10s, 1m, 10m, 1h or 1d"

enum age {
#define AGE(id, label, at_least, from_s) AGE_##id,
#include "proto/age.def"
#undef AGE
	AGE_N
};

struct age_info {
	const char *label;
	const char *at_least; // as a user types it
	uint32_t from_s;      // the age at which it begins
};

extern const struct age_info age_table[AGE_N];

// The class of an age. Any thread.
enum age age_of_seconds(uint32_t seconds);
// The class of that label, or -1.
int age_find(const char *label);
// The class that begins at the age TEXT, or -1.
int age_at_least(const char *text);

#endif
