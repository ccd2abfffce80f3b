// SPDX-License-Identifier: Apache-2.0
//
// How many of the dumps that a process did not ask for by name are kept, and
// how much disk they take: the oldest go first, but never the one of the
// highest peak. It removes files that this session has written and no others.
// What it remembers ends with the session; the files stay.
#ifndef CPROF_COLLECTOR_KEEP_H
#define CPROF_COLLECTOR_KEEP_H

#include "collector/proc.h"

// FILES (absolute names; copied) were written by one dump. PEAK_BYTES: the
// bytes in use, of a peak's dump, else 0. Removes what is then too much. Takes
// the session's lock for moments.
void keep_add(struct proc *p, const struct proc_texts *files,
	      double peak_bytes);

#endif
