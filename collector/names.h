// SPDX-License-Identifier: Apache-2.0
//
// Text kept once and for ever: names of functions and files, which thousands of
// addresses and all profiles share. Equal text has equal addresses. Bounded by
// the distinct names of the programs profiled. One thread at a time (the lock
// of sym.c).
#ifndef CPROF_COLLECTOR_NAMES_H
#define CPROF_COLLECTOR_NAMES_H

// TEXT as kept; "" when there is no memory.
const char *names_keep(const char *text);

#endif
