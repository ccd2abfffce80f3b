// SPDX-License-Identifier: Apache-2.0
//
// Which process a command is about: -p PID, a command name or pid as a word,
// or the only one there is. One thread.
#ifndef CPROF_COLLECTOR_CTL_TARGET_H
#define CPROF_COLLECTOR_CTL_TARGET_H

#include "collector/ctl_options.h"

#include <jansson.h>

struct ctl_target {
	uint32_t pid;
	char comm[64];
};

// Asks the collector who is there and takes the one that PID (0: not given) or
// WORD (NULL: not given) names. CTL_OK, or CTL_FAILED with the reason and the
// candidates printed.
int ctl_target_choose(const struct ctl_options *options, const char *word,
		      struct ctl_target *ret_target);

// The same for commands that take at most one word, the target.
int ctl_target_only(const struct ctl_options *options,
		    struct ctl_target *ret_target);

// The collector's /api/ps: the array of processes (borrowed) inside *ret_root,
// which the caller owns. CTL_OK, or CTL_FAILED with the reason printed.
int ctl_target_list(const char *socket, json_t **ret_root,
		    json_t **ret_processes);

#endif
