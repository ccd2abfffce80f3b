// SPDX-License-Identifier: Apache-2.0
//
// From argv to the exit status: finds the command, has its options read and
// runs it. One thread.
#ifndef CPROF_COLLECTOR_CTL_COMMAND_H
#define CPROF_COLLECTOR_CTL_COMMAND_H

// Does what ARGV says. The exit status; what went wrong has been printed.
int ctl_command_main(int argc, char **argv);

#endif
