// SPDX-License-Identifier: Apache-2.0
//
// Escape sequences stand in the text as they will be written; fitting steps
// over them. Names can't contain any, since their control characters are
// replaced.
#include "collector/report_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ESCAPE	  '\033'
#define RESET	  "\033[0m"
#define CUT_MARK  ">"
#define HOT_PART  0.05
#define WARM_PART 0.005

static const char *const style_codes[REPORT_STYLE_N] = {
	[REPORT_PLAIN] = RESET,	    [REPORT_HEADING] = "\033[1m",
	[REPORT_HOT] = "\033[31m",  [REPORT_WARM] = "\033[33m",
	[REPORT_FAINT] = "\033[2m",
};

void report_out_init(struct report_out *o, int fd)
{
	const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
	struct winsize size;

	*o = (struct report_out){0};
	buf_init(&o->text);
	if (!isatty(fd))
		return;
	if (!ioctl(fd, TIOCGWINSZ, &size))
		o->n_columns = size.ws_col;
	o->is_terminal = !(plain && *plain) && term && strcmp(term, "dumb");
}

void report_out_fini(struct report_out *o)
{
	buf_fini(&o->text);
}

void report_out_style(struct report_out *o, enum report_style style)
{
	if (o->is_terminal)
		buf_puts(&o->text, style_codes[style]);
}

enum report_style report_out_heat(long long value, long long total)
{
	double part = total ? fabs((double)value / (double)total) : 0;

	if (part >= HOT_PART)
		return REPORT_HOT;
	return part >= WARM_PART ? REPORT_WARM : REPORT_PLAIN;
}

void report_out_printf(struct report_out *o, const char *format, ...)
{
	size_t before = o->text.n_bytes;
	va_list args;

	va_start(args, format);
	buf_vprintf(&o->text, format, args);
	va_end(args);
	if (!o->n_columns && !o->is_terminal)
		return;
	for (size_t i = before; i < o->text.n_bytes; i++) {
		unsigned char c = (unsigned char)o->text.data[i];

		if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
			o->text.data[i] = '?';
	}
}

// How many bytes the next column takes; *ret_width is 0 for an escape sequence.
static size_t step(const char *at, int column, int *ret_width)
{
	size_t n = 1;

	*ret_width = 0;
	if (*at == ESCAPE)
		return strcspn(at, "m") + 1;
	*ret_width = *at == '\t' ? 8 - column % 8 : 1;
	while (((unsigned char)at[n] & 0xc0) == 0x80)
		n++;
	return n;
}

// Copies one line, its end excluded, cut to the width.
static void fit_line(struct buf *to, const char *line, size_t n_bytes,
		     int n_columns)
{
	int column = 0, width;
	size_t i, mark = 0;

	for (i = 0; i < n_bytes; i += step(line + i, column, &width)) {
		(void)step(line + i, column, &width);
		if (column + width > n_columns)
			break;
		column += width;
		if (column <= n_columns - (int)strlen(CUT_MARK))
			mark = i + step(line + i, column - width, &width);
	}
	if (i >= n_bytes) {
		buf_put(to, line, n_bytes);
		return;
	}
	buf_put(to, line, mark);
	buf_puts(to, CUT_MARK);
}

void report_out_fit(struct report_out *o)
{
	struct buf fitted;
	const char *at = o->text.data;

	if (!o->n_columns || !at)
		return;
	buf_init(&fitted);
	while (*at) {
		size_t n = strcspn(at, "\n");

		fit_line(&fitted, at, n, o->n_columns);
		if (o->is_terminal)
			buf_puts(&fitted, RESET);
		at += n;
		if (*at)
			buf_put(&fitted, at++, 1);
	}
	buf_fini(&o->text);
	o->text = fitted;
}
