// SPDX-License-Identifier: Apache-2.0
//
// Names of code that a process makes while it runs (JIT), from the file that
// such programs write for perf: /tmp/perf-PID.map, lines of "START SIZE NAME"
// in hex. One per process, counted by reference. The file is the process's
// word: it must belong to the process's user and to this run of it, and what is
// kept of it is bounded. Any thread.
#ifndef CPROF_COLLECTOR_PERFMAP_H
#define CPROF_COLLECTOR_PERFMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perfmap;

// Nothing is read before the first question. NULL: no memory.
struct perfmap *perfmap_new(uint32_t pid);
struct perfmap *perfmap_ref(struct perfmap *m);
void perfmap_unref(struct perfmap *m);

// Writes the name of the code at ADDR, cut at N_BYTES - 1 of them. False: it
// has none. What was written last about an address holds.
bool perfmap_find(struct perfmap *m, uint64_t addr, char *ret_name,
		  size_t n_bytes);

// Opens the file if it is there by now, so that it can still be read when the
// process is gone. A few system calls.
void perfmap_open(struct perfmap *m);

// Takes N_BYTES more of the file, from any place in a line; for tests too.
void perfmap_feed(struct perfmap *m, const char *bytes, size_t n_bytes);

#endif
