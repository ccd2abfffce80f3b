// SPDX-License-Identifier: Apache-2.0
//
// Traces a process from its start to its end, while somebody else waits for it:
// in a process of its own, which asks for the trace as soon as the collector
// knows the process and gets it when it has ended. One thread.
#ifndef CPROF_COLLECTOR_CTL_FOLLOW_H
#define CPROF_COLLECTOR_CTL_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ctl_follow {
	pid_t helper; // 0: there is none
	int end_fd;   // closed: PID has ended
	int trace_fd; // a memfd
};

// Begins to follow PID, which has just been started. 0 or negative errno.
int ctl_follow_start(const char *socket, pid_t pid, bool is_json,
		     struct ctl_follow *ret);

// PID has ended: its trace, to be freed, or NULL when there is none (it ended
// too early, or was never profiled).
char *ctl_follow_end(struct ctl_follow *f, size_t *ret_n_bytes);

#endif
