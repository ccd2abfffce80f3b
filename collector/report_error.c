// SPDX-License-Identifier: Apache-2.0
//
// The text is for people, the code for the caller.
#include "collector/report_error.h"

#include <stdarg.h>
#include <stdio.h>

int report_error_set(struct report_error *e, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	return code;
}
