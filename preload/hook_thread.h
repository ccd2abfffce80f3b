// SPDX-License-Identifier: Apache-2.0
//
// What others need of hook_thread.c.
#ifndef CPROF_PRELOAD_HOOK_THREAD_H
#define CPROF_PRELOAD_HOOK_THREAD_H

// Learns the size of stacks nobody chose a size for. Constructor only.
void hook_thread_init(void);

// The calling thread is called NAME from now on. Async-signal-safe.
void hook_thread_renamed(const char *name);

#endif
