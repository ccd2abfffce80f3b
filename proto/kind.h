// SPDX-License-Identifier: Apache-2.0
//
// The kinds of profile as an enum and a table, from kinds.def.
#ifndef CPROF_PROTO_KIND_H
#define CPROF_PROTO_KIND_H

enum kind {
#define T(type, unit)
#define KIND(id, name, alias, n_values, default_value, ptype, punit, types, \
	     help)                                                          \
	KIND_##id,
#include "proto/kinds.def"
#undef KIND
#undef T
	KIND_N
};

#define KIND_VALUES_MAX 4

struct kind_type {
	const char *type;
	const char *unit;
};

struct kind_info {
	const char *name;
	const char *alias; // "" where it has none
	unsigned n_values;
	unsigned default_value;
	struct kind_type period;
	struct kind_type types[KIND_VALUES_MAX];
	const char *help;
};

// The table, indexed by enum kind. Constant data; any thread.
extern const struct kind_info kind_table[KIND_N];

// The kind called NAME or aliased so in the first N_CHARS characters; -ENOENT
// when there is none. Any thread, async-signal-safe.
int kind_find(const char *name, unsigned long n_chars);

#endif
