// SPDX-License-Identifier: Apache-2.0
//
// Function names as pprof shows them: those that their writer left as the
// linker has them are demangled and cut of their parameters. One thread.
#ifndef CPROF_COLLECTOR_REPORT_NAMES_H
#define CPROF_COLLECTOR_REPORT_NAMES_H

#include "collector/report_profile.h"

// Changes the names of P's functions.
void report_names_simplify(struct report_profile *p);

// NAME without what follows its first parenthesis, as patterns for dropping
// frames see it; the caller frees.
char *report_names_bare(const char *name);

#endif
