// SPDX-License-Identifier: Apache-2.0
//
// What happened in a process while it was traced, event by event: bounded, and
// what found no room is counted. It knows stacks and threads by their ids. One
// thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_TRACE_H
#define CPROF_COLLECTOR_TRACE_H

#include "collector/buf.h"
#include "proto/record.h"

#include <stdbool.h>
#include <stddef.h>

// Some 20 MiB as a file.
#define TRACE_EVENTS_MAX (1u << 18)
// Of what a trace is written as, in any format: what comes after is cut.
#define TRACE_BYTES_MAX (64u << 20)
// Of all marks together.
#define TRACE_TEXTS_MAX_BYTES (8u << 20)

enum trace_type {
	TRACE_CPU,    // value: ns of CPU time
	TRACE_WAIT,   // that ends now; value: ns
	TRACE_UNLOCK, // by a holder; value: ns that others have waited
	TRACE_BEGIN,  // of a thread
	TRACE_END,
	TRACE_HEAP, // value: live bytes
	TRACE_RSS,  // value: bytes
	TRACE_MARK, // value: where its text begins in trace.texts
};

struct trace_event {
	uint64_t time_ns; // CLOCK_MONOTONIC
	uint64_t value;
	uint32_t tid;
	uint32_t stack;	 // of CPU, WAIT and UNLOCK
	uint32_t holder; // of WAIT; 0 = not known
	uint32_t lock;	 // of WAIT: tells it from others
	enum trace_type type;
	enum record_wait wait;
};

struct trace {
	uint64_t begin_ns;
	struct trace_event *events;
	size_t n;
	size_t capacity;
	size_t n_cut;	  // that found no room
	struct buf texts; // each ends in a NUL
};

// Adds an event, unless it was before the trace or nobody knows when.
void trace_add(struct trace *t, const struct trace_event *e);

// Adds MARK, whose text is TEXT of N_BYTES, under the same terms.
void trace_add_mark(struct trace *t, struct trace_event *mark, const char *text,
		    size_t n_bytes);

// The text of MARK, UTF-8.
const char *trace_text(const struct trace *t, const struct trace_event *mark);

// Puts the events into the order of their times.
void trace_sort(struct trace *t);

bool trace_has_stack(const struct trace_event *e);

// What it is for, for people.
const char *trace_wait_name(enum record_wait wait);

// When WAIT began; what began before the trace did is shown from there.
uint64_t trace_wait_begin_ns(const struct trace *t,
			     const struct trace_event *wait);

void trace_fini(struct trace *t);

#endif
