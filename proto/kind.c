// SPDX-License-Identifier: Apache-2.0
//
// kinds.def as a table, and the one place that looks a kind up by its name.
#include "proto/kind.h"

#include <errno.h>
#include <string.h>

const struct kind_info kind_table[KIND_N] = {
#define T(type, unit) {type, unit},
#define KIND(id, name, alias, n_values, default_value, ptype, punit, types, \
	     help)                                                          \
	{name, alias, n_values, default_value, {ptype, punit}, {types}, help},
#include "proto/kinds.def"
#undef KIND
#undef T
};

static int is_name(const char *name, const char *s, unsigned long n)
{
	return strlen(name) == n && n && !memcmp(name, s, n);
}

int kind_find(const char *name, unsigned long n_chars)
{
	for (int i = 0; i < KIND_N; i++)
		if (is_name(kind_table[i].name, name, n_chars) ||
		    is_name(kind_table[i].alias, name, n_chars))
			return i;
	return -ENOENT;
}
