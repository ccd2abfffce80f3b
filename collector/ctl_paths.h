// SPDX-License-Identifier: Apache-2.0
//
// Where cprofctl finds its two partners: the collector's socket and the shim.
// Nothing is opened here. One thread.
#ifndef CPROF_COLLECTOR_CTL_PATHS_H
#define CPROF_COLLECTOR_CTL_PATHS_H

#include "proto/limits.h"

#include <limits.h>

// The socket's name: GIVEN (--socket), else CPROF_SOCKET, else the user's own
// below XDG_RUNTIME_DIR, else below /tmp. CTL_OK, or CTL_FAILED with the reason
// printed: too long for a socket, or somebody else's.
int ctl_paths_socket(const char *given,
		     char ret_path[SOCKET_NAME_MAX_BYTES + 1]);

// The absolute name of libcprof.so: beside cprofctl, in ../lib, or where
// `make install` puts it. CTL_OK, or CTL_FAILED with the reason printed.
int ctl_paths_shim(char ret_path[PATH_MAX]);

#endif
