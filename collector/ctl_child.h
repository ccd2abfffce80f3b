// SPDX-License-Identifier: Apache-2.0
//
// Starts a program and waits for it as a shell in the foreground would: the
// keyboard's signals are the program's, those sent to cprofctl are passed on.
// One child at a time, one thread.
#ifndef CPROF_COLLECTOR_CTL_CHILD_H
#define CPROF_COLLECTOR_CTL_CHILD_H

#include <sys/types.h>

// Starts ARGV (found as execvp does) with this process's environment. 0, or
// the negative errno of fork or of exec.
int ctl_child_start(char **argv, pid_t *ret_pid);

// Waits for its end; signals then do what they did before. Its wait status.
int ctl_child_wait(pid_t pid);

#endif
