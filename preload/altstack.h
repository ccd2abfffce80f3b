// SPDX-License-Identifier: Apache-2.0
//
// Alternate signal stacks for threads that have none: a CPU tick may arrive on
// a 16 KiB thread stack, on a coroutine's, or while the stack pointer is used
// as a plain register. The host does not see ours: hook_signal.c answers its
// sigaltstack() as if there were none.
//
// 256 slots, each mapped when it is first taken and touched only where a signal
// arrives; when every slot is taken a thread goes without. Own thread only.
#ifndef CPROF_PRELOAD_ALTSTACK_H
#define CPROF_PRELOAD_ALTSTACK_H

#include <signal.h>
#include <stdbool.h>

// Gives the calling thread a stack when it has none. IS_NEW: it is known to
// have none, since it has just begun.
void altstack_install(bool is_new);

// Takes it back, unless the thread stands on it.
void altstack_remove(void);

// The thread's own is in its place: only the slot is to be taken back.
void altstack_replaced(void);

// In a fork child, whose only thread this is: the slots of the others are free.
void altstack_forked(void);

// True when SS is one of ours.
bool altstack_is_ours(const stack_t *ss);

#endif
