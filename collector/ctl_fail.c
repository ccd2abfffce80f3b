// SPDX-License-Identifier: Apache-2.0
//
// Messages are put together whole and written by one call, so that they stay
// one line where the program under `run` writes to the same terminal.
#include "collector/ctl_fail.h"

#include "collector/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *ctl_fail_clean(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = c[1] ? '?' : '\0';
	return text;
}

__attribute__((format(printf, 1, 0))) static void print_line(const char *format,
							     va_list args)
{
	char *text = mem_vprintf(format, args);

	if (!text)
		return;
	(void)fprintf(stderr, "cprofctl: %s\n", ctl_fail_clean(text));
	free(text);
}

int ctl_fail(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
	return status;
}

void ctl_fail_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
}
