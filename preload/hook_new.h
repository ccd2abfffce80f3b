// SPDX-License-Identifier: Apache-2.0
//
// What hook_new.c needs at start.
#ifndef CPROF_PRELOAD_HOOK_NEW_H
#define CPROF_PRELOAD_HOOK_NEW_H

// Finds out whether the C++ operators go past malloc. Constructor only.
void hook_new_init(void);

#endif
