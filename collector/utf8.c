// SPDX-License-Identifier: Apache-2.0
//
// The well-formed sequences are those of table 3-7 of the Unicode standard:
// none that is longer than it need be, no surrogates, nothing over U+10FFFF.
#include "collector/utf8.h"

#include <stddef.h>

// Lead bytes FIRST..LAST stand before N_MORE bytes, the first of which is from
// LOW to HIGH, the rest from 0x80 to 0xbf.
struct form {
	unsigned char first, last, n_more, low, high;
};

static const struct form forms[] = {
	{0x01, 0x7f, 0, 0, 0},	     {0xc2, 0xdf, 1, 0x80, 0xbf},
	{0xe0, 0xe0, 2, 0xa0, 0xbf}, {0xe1, 0xec, 2, 0x80, 0xbf},
	{0xed, 0xed, 2, 0x80, 0x9f}, {0xee, 0xef, 2, 0x80, 0xbf},
	{0xf0, 0xf0, 3, 0x90, 0xbf}, {0xf1, 0xf3, 3, 0x80, 0xbf},
	{0xf4, 0xf4, 3, 0x80, 0x8f},
};

static bool has_tail(const unsigned char *s, const struct form *f)
{
	if (f->n_more && (s[1] < f->low || s[1] > f->high))
		return false;
	for (int i = 2; i <= f->n_more; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return false;
	return true;
}

// The bytes of the character at S, 0 when there is none. The NUL at the end
// is no byte of a tail, so nothing is read behind it.
static size_t character(const unsigned char *s)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (*s >= forms[i].first && *s <= forms[i].last)
			return has_tail(s, &forms[i]) ? forms[i].n_more + 1u
						      : 0;
	return 0;
}

bool utf8_is_valid(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = 1;

	for (; *s && n; s += n)
		n = character(s);
	return n > 0;
}

void utf8_mend(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		size_t n = character(s);

		if (!n)
			*s = '?';
		s += n ? n : 1;
	}
}
