// SPDX-License-Identifier: Apache-2.0
//
// Debug files from the network (debuginfod), where the user set
// DEBUGINFOD_URLS: by a process of its own, so that the collector needs neither
// network nor the libraries for it, and nobody waits for a server that does not
// answer. One request at a time; what was fetched or not is known from then on.
// fetch_start() before there are threads; the rest by any thread.
#ifndef CPROF_COLLECTOR_FETCH_H
#define CPROF_COLLECTOR_FETCH_H

#include <stdbool.h>

// Starts the process if the environment asks for it. The variable is taken out
// of this process's environment: libdwfl would ask as well, and wait.
void fetch_start(void);

bool fetch_is_on(void);

// The debug file of BUILD_ID (hex): a descriptor, the caller's; -EAGAIN: asked
// for, and not yet there; -ENOENT: nobody has it, or nothing is fetched.
int fetch_debuginfo(const char *build_id);

// Waits for what is on its way, each file until LIMIT_MS after it was asked
// for: however many wait, and how often, a server that is silent costs that
// once.
void fetch_wait(int limit_ms);

#endif
