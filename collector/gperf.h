// SPDX-License-Identifier: Apache-2.0
//
// gperftools' environment (proto/gperf.def), for those who know it: what a
// process says of it in its hello becomes settings of ours, and names of files
// as gperftools would choose them. Pure but for names.
#ifndef CPROF_COLLECTOR_GPERF_H
#define CPROF_COLLECTOR_GPERF_H

#include "proto/cprof.pb-c.h"
#include "proto/kind.h"

#include <stdbool.h>

struct gperf {
	const char *cpu_file;	 // CPUPROFILE, NULL: not set; the hello's text
	const char *heap_prefix; // HEAPPROFILE
	bool is_toggled;	 // CPUPROFILESIGNAL: numbered files
	bool is_child;		 // the names are the parent's: _PID is added
	unsigned n_cpus;
	unsigned n_heaps; // files of the prefix so far
};

// Changes the fields of HELLO that its environment speaks of.
void gperf_apply(Cprof__Hello *hello, struct gperf *ret_gperf);

// The absolute name of the next file of KIND, to be freed; NULL: gperftools
// has nothing to say about it, or no memory.
char *gperf_name(struct gperf *g, const Cprof__Hello *hello, enum kind kind);

#endif
