// SPDX-License-Identifier: Apache-2.0
//
// The way out: one record into a stripe of the region, or as one message on the
// socket. Nothing here waits, allocates or (with the ring) enters the kernel,
// but to give back what a burst has used (slack.h).
// A stripe is taken by a try-lock; one that is busy or full means the next; all
// of them means that the record is dropped and counted. A signal, fork,
// longjmp, cancellation or kill in the middle of a push leaves at worst one
// busy stripe, which the collector frees when its owner is gone.
//
// Any thread, async-signal-safe, any number at once.
#ifndef CPROF_PRELOAD_RING_H
#define CPROF_PRELOAD_RING_H

#include "preload/capture.h"
#include "preload/sent.h"
#include "proto/record.h"

#include <stdbool.h>

// Pushes HEAD, and behind it the capture C (FORM_RAW; NULL: FORM_NONE).
// Fills in size, form, flags of the capture, tid and generation. 0; -ENOSPC
// when there is no room; -EBUSY when every stripe is in use; -ENOTCONN; -EAGAIN
// when C can only be walked, and was not: it has to be captured in full. Counts
// what was pushed and what was dropped.
int ring_push(struct record *head, const struct capture *c);

// The same without counting a drop: for a caller that tries again, and counts
// the last failure by ring_count_drop.
int ring_try_push(struct record *head, const struct capture *c);
void ring_count_drop(int err);

// As ring_try_push: the block or object with that sample id is no more.
int ring_try_push_free(uint64_t id);

// ring_push with N_BYTES of text behind HEAD (FORM_TEXT).
int ring_push_text(struct record *head, const char *text, uint32_t n_bytes);

// Pushes the record R, which was pushed into another region before, uncounted;
// a stack that it names by its hash is in T. As ring_push(); rings only.
int ring_move(const struct record_head *r, const struct sent_tables *t);

// For who holds S, where stripe_room() found none: true when it has room for
// N_BYTES now.
struct stripe;
bool ring_make_room(struct stripe *s, uint32_t n_bytes);

// True where the thread has a number that holds a stripe for it: a thread that
// is not registered (its first event is the free of another's block, or the end
// of the process) is asked for its own. False: not in a sandbox.
bool ring_knows_thread(void);

// Tells the collector the counters, which it can't read itself with the socket
// transport.
void ring_push_counters(void);

// Passes on to the collector the snapshots that are owed, if it can be told
// now; else each later push tries again.
void ring_ask_snapshots(void);

// Moves when the collector does: 1 + the bytes it has read from all stripes. By
// a socket, where that can't be seen, it moves each millisecond. Not in a
// sandbox.
uint64_t ring_progress(void);

#endif
