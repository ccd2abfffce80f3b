// SPDX-License-Identifier: Apache-2.0
//
// The one way cprofctl says that something went wrong: one line on stderr,
// "cprofctl: ...", and the exit status that goes with it. Text that came from
// another process is shown with its control characters replaced, so that a
// process name can't drive the user's terminal. One thread.
#ifndef CPROF_COLLECTOR_CTL_FAIL_H
#define CPROF_COLLECTOR_CTL_FAIL_H

enum {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_FOUND = 3, // what was checked for is there
	CTL_CANNOT_RUN = 126,
	CTL_NOT_FOUND = 127,
	CTL_SIGNALLED = 128
};

// Prints the message (no final newline needed) and returns STATUS.
int ctl_fail(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

// Prints a remark on stderr in the same form; it is not an error.
void ctl_fail_note(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

// Replaces the control characters of TEXT, in place; returns TEXT.
char *ctl_fail_clean(char *text);

#endif
