// SPDX-License-Identifier: Apache-2.0
//
// Where a profile goes: stdout, a file the user named, or the next free
// COMM.PID.KIND.NNN.pb.gz of the current directory. A regular file is written
// whole under a temporary name and then renamed, mode 0600. The place is looked
// at before the profile is taken, so that a folder that can't be written to is
// known before a minute has passed. One thread.
#ifndef CPROF_COLLECTOR_CTL_OUT_H
#define CPROF_COLLECTOR_CTL_OUT_H

#include "collector/ctl_target.h"

#include <limits.h>

enum ctl_out_form {
	CTL_OUT_NUMBERED, // path is found when it is written
	CTL_OUT_NAMED,
	CTL_OUT_SPECIAL, // a pipe or device: written to, not renamed onto
	CTL_OUT_STDOUT
};

struct ctl_out {
	enum ctl_out_form form;
	const struct ctl_target *target;
	const char *kind;
	bool is_quiet; // don't print the name
	char path[PATH_MAX];
};

// NAME: as -o has it, NULL for a numbered file. TARGET and KIND are borrowed.
// CTL_OK, or CTL_FAILED or CTL_USAGE with the reason printed. Makes no file.
int ctl_out_check(const char *name, const struct ctl_target *target,
		  const char *kind, struct ctl_out *ret_out);

// The same for a report: stdout where NAME is NULL, and a file of any name.
int ctl_out_check_report(const char *name, struct ctl_out *ret_out);

// Writes the bytes there and prints the file's name on stdout (nothing when the
// profile went there, or is_quiet).
int ctl_out_write(struct ctl_out *out, const void *bytes, size_t n_bytes);

#endif
