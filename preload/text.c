// SPDX-License-Identifier: Apache-2.0
//
// Bounded text.
#include "preload/text.h"

#include "preload/sys.h"

#include <string.h>

void text_init(struct text *t, char *bytes, size_t size)
{
	*t = (struct text){.at = bytes, .size_bytes = size};
	bytes[0] = 0;
}

void text_add_bytes(struct text *t, const char *s, size_t n)
{
	size_t room = t->size_bytes - 1 - t->n_bytes;

	if (n > room) {
		n = room;
		t->is_cut = true;
	}
	sys_copy(t->at + t->n_bytes, s, n);
	t->n_bytes += n;
	t->at[t->n_bytes] = 0;
}

void text_add(struct text *t, const char *s)
{
	text_add_bytes(t, s, strlen(s));
}

void text_add_number(struct text *t, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	text_add_bytes(t, digits + i, sizeof(digits) - i);
}
