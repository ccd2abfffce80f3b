// SPDX-License-Identifier: Apache-2.0
//
// Policy: an event becomes a record. Hooks call these from their cold paths,
// after the real call has done its work; errno is kept; nothing waits (but see
// sample_alloc). Each captures the caller's stack by itself and attaches the
// process first where that is still to be done (a fork child's first event).
// Any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_SAMPLE_H
#define CPROF_PRELOAD_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

// True when the calling thread may take samples now: the process is attached
// (attaching it at this moment if it is a fork child that has not been) and the
// thread is registered.
bool sample_ready(void);

// P of N_BYTES was allocated and the thread's countdown has run out. FRAME is
// CAPTURE_FRAME in the hook, whose caller's stack it is. In exact mode (rate 1)
// it may wait up to 1 ms for room in the ring.
void sample_alloc(void *p, size_t n_bytes, const uintptr_t *frame);

// A heap of the program's own gave out a block that the live table calls BLOCK,
// and the thread's countdown has run out. LABELS: its set of labels.
void sample_block_of_heap(const void *block, size_t n_bytes, uint32_t labels);

// OBJECT, as the live table calls it, is in a profile of the program's own. The
// thread is ready. 0; -EEXIST when it is there; or another negative errno when
// there was no room; may wait up to 1 ms for it.
int sample_object(const void *object, uint32_t profile);

// The block or object P, which was taken out of the live table as SLOT, is no
// more: records that, before its memory is given back.
struct live_slot;
void sample_free(const struct live_slot *slot, const void *p);

// Frees that found no room on the socket: tells all of them before the goodbye.
void sample_sweep(void);

// A wait of DELAY_NS, the one the thread has noted, is over. Keeps it always
// when it is at least the block rate, else with probability delay / rate.
void sample_block(uint64_t delay_ns);

// The calling thread, holder of a lock, gives it back (just now, or in a
// moment): others have waited DELAY_NS in all under it. Keeps one in
// mutex.fraction.
void sample_mutex(uint64_t delay_ns);

// A thread was created by the caller; TID is its id, 0 if not known.
void sample_thread(uint32_t tid);

// A CPU tick: TICKS periods of PERIOD_NS at the context UC.
void sample_cpu(uint64_t ticks, uint64_t period_ns, const ucontext_t *uc);

// The thread, at the context UC, was asked for its stack by REQUEST. It answers
// each request once.
void sample_stack(uint32_t request, const ucontext_t *uc);

#endif
