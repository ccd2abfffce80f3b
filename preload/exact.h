// SPDX-License-Identifier: Apache-2.0
//
// The short way of a heap sample, for threads that take many: with every
// allocation a sample, and where memory is had in large pieces. Most are like
// one shortly before: the same stack, settings, collector, and room in the
// ring. What the long way (sample.c) found of all that is granted to the
// samples that follow, which then only prove that their stack is the same, and
// write two words of the live table and a record.
//
// A grant is for the thread. It holds for the next sample, then for the next
// two, four, ... 64, and ends when the collector makes a visit: so whatever
// changes (a rate, a label, a collector that died) is seen by a thread that
// takes few samples at each, and by one that takes many among 64.
//
// Any thread, async-signal-safe: a handler that comes in between goes the long
// way.
#ifndef CPROF_PRELOAD_EXACT_H
#define CPROF_PRELOAD_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// As sample_alloc() at rate 1, by the short way. False: nothing was done, the
// long way is to be gone.
bool exact_alloc(const void *p, size_t n_bytes, const uintptr_t *frame);

// The same at any rate, but no gap is drawn.
bool exact_sample(const void *p, size_t n_bytes, const uintptr_t *frame);

// The sample before, of the stack at FRAME, went the long way, and nothing is
// left to be done at the next.
void exact_grant(const uintptr_t *frame);

// As live_take() and sample_free(), by the short way, and as sample_free()
// alone. False: as above.
bool exact_free(const void *p);
struct live_slot;
bool exact_release(const struct live_slot *slot, const void *p);

// The thread ends; or the process begins a session, and no thread is known.
void exact_forget(void);
void exact_clear(void);

#endif
