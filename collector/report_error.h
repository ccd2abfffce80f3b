// SPDX-License-Identifier: Apache-2.0
//
// What went wrong with a report, in one line: the modules below say it, the
// command prints it. One thread.
#ifndef CPROF_COLLECTOR_REPORT_ERROR_H
#define CPROF_COLLECTOR_REPORT_ERROR_H

struct report_error {
	char text[512];
};

// Sets the text and returns CODE, a negative errno.
int report_error_set(struct report_error *e, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
