// SPDX-License-Identifier: Apache-2.0
//
// Names come from other processes and may be any bytes (a thread's name is cut
// at 15 of them, in the middle of a letter too); profiles and JSON are UTF-8.
// Any thread.
#ifndef CPROF_COLLECTOR_UTF8_H
#define CPROF_COLLECTOR_UTF8_H

#include <stdbool.h>

// True when TEXT is well-formed UTF-8 (RFC 3629).
bool utf8_is_valid(const char *text);

// Makes it so: each byte that is not part of a character becomes '?'.
void utf8_mend(char *text);

#endif
