// SPDX-License-Identifier: Apache-2.0
//
// `run --cpuprofile FILE` and its like, as `go test` has them: the sum of what
// PROG and all it started did, as one file a kind that was asked for. The
// profiles go to a folder of the run's own, and are added up at its end. One
// thread.
#ifndef CPROF_COLLECTOR_CTL_GATHER_H
#define CPROF_COLLECTOR_CTL_GATHER_H

#include "collector/ctl_options.h"
#include "proto/kind.h"

#include <limits.h>
#include <sys/types.h>

struct ctl_gather {
	const char *names[KIND_N]; // as given; NULL: not asked for
	unsigned n_names;	   // 0: nothing was asked for
	char dir[PATH_MAX];
};

// Reads the options, makes the folder and names it in the environment, which
// PROG gets. CTL_OK, or a status with the reason printed.
int ctl_gather_begin(const struct ctl_options *options,
		     struct ctl_gather *ret_gather);

// Waits until the collector has written what has ended, adds up, writes the
// files and removes the folder. PID was PROG's. What can't be written is said.
void ctl_gather_end(struct ctl_gather *g, const struct ctl_options *options,
		    pid_t pid);

// FILE with its %p %e %h %t %{ENV} filled in for PROG, which is PID. To be
// freed; NULL: no memory.
char *ctl_gather_name(const char *file, const char *prog, pid_t pid);

// There was no run: removes the folder.
void ctl_gather_drop(struct ctl_gather *g);

#endif
