// SPDX-License-Identifier: Apache-2.0
//
// The life of a thread in the profiler: registered by the start trampoline, or
// at its first sample when there are no CPU samples, or it was created past it
// (C11 internals, timers with SIGEV_THREAD, a fork child's only thread); ended
// by a pthread key's destructor. Hooks may still run after that end: everything
// here tolerates it.
#ifndef CPROF_PRELOAD_THREAD_H
#define CPROF_PRELOAD_THREAD_H

#include <stdbool.h>
#include <stdint.h>

// Creates the key whose destructor ends threads. Constructor only.
void thread_init(void);

// Registers the calling thread. Its stack lies below STACK_HIGH and has
// STACK_BYTES (0 = unknown); START_PC is what it runs, to be named for CPU time
// too short to be sampled; SEED, not 0, is its creator's random number.
void thread_begin(uintptr_t stack_high, uint64_t stack_bytes,
		  uintptr_t start_pc, uint64_t seed);

// Registers the process's first thread.
void thread_begin_main(void);

// Registers the calling thread at its first sample. Async-signal-safe.
void thread_adopt(void);

// The rate of CPU samples in force; and takes it over where the calling thread
// goes by another. Async-signal-safe.
uint16_t thread_wanted_hz(void);
void thread_take_rate(void);

// A thread has forbidden itself, and those it creates, the time stamp counter:
// from now on no thread's is read at its end.
void thread_forbid_tsc(void);

// The calling thread is the only one of a fresh fork child: forgets what was
// the parent's, and arms a probe so that CPU work makes the child attach.
void thread_forked(void);

// The calling thread will not be heard of again. START_PC as in thread_begin.
void thread_end(uintptr_t start_pc);

#endif
