// SPDX-License-Identifier: Apache-2.0
//
// libdw maps the files it reads, and a file belongs to a stranger, who may cut
// it at any moment: then reading on is SIGBUS, for the whole collector. Here
// the missing page becomes one of zeros, in which no parser finds anything.
#ifndef CPROF_COLLECTOR_SIGBUS_H
#define CPROF_COLLECTOR_SIGBUS_H

// For the whole process. 0 or negative errno.
int sigbus_init(void);

#endif
