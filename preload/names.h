// SPDX-License-Identifier: Apache-2.0
//
// The names of a program's own profiles and heaps, each by its number in its
// list. They stay for good, also in fork children. Any thread.
#ifndef CPROF_PRELOAD_NAMES_H
#define CPROF_PRELOAD_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum names_list { NAMES_PROFILES, NAMES_HEAPS, NAMES_LISTS };

// The number, from 1, of NAME in LIST, which is added if it is not there.
// -EINVAL: it is not a name; -ENOSPC.
int names_add(enum names_list list, const char *name);

// Its name, or NULL. Async-signal-safe, as the rest.
const char *names_get(enum names_list list, int number);

// Which profiles' names the collector that TOKEN stands for was told.
bool names_is_sent(int profile, uint32_t token);
void names_set_sent(int profile, uint32_t token);

#endif
