// SPDX-License-Identifier: Apache-2.0
//
// What /proc says of a process, as far as `doctor` wants to know. One thread.
#ifndef CPROF_COLLECTOR_CTL_PROC_H
#define CPROF_COLLECTOR_CTL_PROC_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct ctl_proc {
	uint64_t uid;		  // effective
	uint64_t seccomp;	  // mode, 0: none
	uint64_t inner_pid;	  // in its own pid namespace
	bool has_inner_pid;	  // that is not ours
	uint64_t ignored, caught; // signals, bit N - 1
	unsigned n_blocking;	  // threads that block the signal asked for
};

// 0, or a negative errno.
int ctl_proc_read(uint32_t pid, int sig, struct ctl_proc *ret_proc);

// The first mapped file with PART in its name. -ENOENT: there is none, or the
// list can't be read.
int ctl_proc_maps(uint32_t pid, const char *part, char ret_name[PATH_MAX]);

#endif
