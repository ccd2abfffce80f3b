// SPDX-License-Identifier: Apache-2.0
//
// Where a report is written: into memory first, so that one that fails prints
// nothing. For a terminal it is coloured, cut to the width, and stripped of
// control characters that a name might carry; a pipe gets the bytes as they
// are. One thread.
#ifndef CPROF_COLLECTOR_REPORT_OUT_H
#define CPROF_COLLECTOR_REPORT_OUT_H

#include "collector/buf.h"

#include <stdbool.h>

enum report_style {
	REPORT_PLAIN,
	REPORT_HEADING,
	REPORT_HOT,  // of much weight
	REPORT_WARM, // of some
	REPORT_FAINT,
	REPORT_STYLE_N
};

struct report_out {
	struct buf text;
	bool is_terminal;
	int n_columns; // of the terminal, 0: any number
};

// Colours and cuts where FD is a terminal.
void report_out_init(struct report_out *o, int fd);
void report_out_fini(struct report_out *o);

void report_out_printf(struct report_out *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// What follows is in this style; nothing happens in a pipe.
void report_out_style(struct report_out *o, enum report_style style);

// The style for VALUE of TOTAL.
enum report_style report_out_heat(long long value, long long total);

// Cuts the lines that are wider than the terminal.
void report_out_fit(struct report_out *o);

#endif
