// SPDX-License-Identifier: Apache-2.0
//
// The commands that are reports (report_format.def), diff and merge: on files,
// or on a kind of profile of a running process. One thread.
#ifndef CPROF_COLLECTOR_CTL_REPORT_H
#define CPROF_COLLECTOR_CTL_REPORT_H

#include "collector/ctl_options.h"

// The groups of options a report accepts.
#define CTL_REPORT_ACCEPTS (CTL_FOR_REPORT | CTL_FOR_SOURCE | CTL_FOR_TARGET)

// The report the command is called. The exit status; what went wrong has been
// printed.
int ctl_report(const struct ctl_options *options);

// A report of the difference of two files.
int ctl_diff(const struct ctl_options *options);

// The sum of files.
int ctl_merge(const struct ctl_options *options);

#endif
