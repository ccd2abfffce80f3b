// SPDX-License-Identifier: Apache-2.0
//
// Texts come from tables in which they are one line each.
#include "collector/ctl_help.h"

#include <string.h>

#define COLUMNS 80

// How much of TEXT goes into a line of ROOM: whole words, at least one.
static int fit(const char *text, int room)
{
	int n = (int)strlen(text);

	if (n <= room)
		return n;
	for (n = room; n > 0 && text[n] != ' '; n--)
		;
	return n ? n : (int)strcspn(text, " ");
}

void ctl_help_row(FILE *f, const char *left, int width, const char *text)
{
	(void)fprintf(f, "  %-*s", width - 3, left);
	// Too long on the left: the text begins below.
	if ((int)strlen(left) > width - 3)
		(void)fprintf(f, "\n%*s", width - 1, "");
	for (;;) {
		int n = fit(text, COLUMNS - 1 - width);

		(void)fprintf(f, " %.*s\n", n, text);
		text += n;
		text += strspn(text, " ");
		if (!*text)
			return;
		(void)fprintf(f, "%*s", width - 1, "");
	}
}
