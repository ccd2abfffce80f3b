// SPDX-License-Identifier: Apache-2.0
//
// age.def as a table.
#include "proto/age.h"

#include <string.h>

const struct age_info age_table[AGE_N] = {
#define AGE(id, label, at_least, from_s) {label, at_least, from_s},
#include "proto/age.def"
#undef AGE
};

enum age age_of_seconds(uint32_t seconds)
{
	int i = AGE_N - 1;

	while (i > 0 && seconds < age_table[i].from_s)
		i--;
	return (enum age)i;
}

int age_find(const char *label)
{
	for (int i = 0; i < AGE_N; i++)
		if (!strcmp(age_table[i].label, label))
			return i;
	return -1;
}

int age_at_least(const char *text)
{
	for (int i = 1; i < AGE_N; i++)
		if (!strcmp(age_table[i].at_least, text))
			return i;
	return -1;
}
