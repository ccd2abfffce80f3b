// SPDX-License-Identifier: Apache-2.0
//
// The two-column layout of --help, wrapped to 80 columns. One thread.
#ifndef CPROF_COLLECTOR_CTL_HELP_H
#define CPROF_COLLECTOR_CTL_HELP_H

#include <stdio.h>

// Prints LEFT, indented by two and filled up to column WIDTH, then TEXT,
// wrapped in what is left of 80 columns.
void ctl_help_row(FILE *f, const char *left, int width, const char *text);

#endif
