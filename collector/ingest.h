// SPDX-License-Identifier: Apache-2.0
//
// Turns records into state: the same path for rings and for the socket. It owns
// all that the samples of one process add up to, and knows nothing of where
// records come from, of files or of other processes. Every record was checked
// by ringread_check(); what its numbers claim is still not believed.
// One thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_INGEST_H
#define CPROF_COLLECTOR_INGEST_H

#include "collector/agg.h"
#include "collector/image.h"
#include "collector/labels.h"
#include "collector/profiles.h"
#include "collector/ringread.h"
#include "collector/stacks.h"
#include "collector/threads.h"
#include "collector/trace.h"
#include "collector/unwind.h"
#include "collector/walkcheck.h"

// Stacks remembered by the hash the shim gave them.
#define INGEST_HASHES_MAX STACKS_MAX

// Records that name a stack by a hash that has not come yet: it was pushed into
// another ring, which is read later in this round or in the next. At most as
// many as the rings of the largest region hold; a bound for hostile ones.
#define INGEST_WAITING_MAX (1u << 20)
// The room for more is given back when none waits any more.
#define INGEST_WAITING_KEPT 4096u
struct ingest_waiting {
	struct record header;
	uint64_t hash;
};

// Where a thread was when it was asked.
struct ingest_stack {
	uint32_t tid;
	uint32_t stack;
	uint32_t labels; // set of labels, 0 = none
	enum record_wait wait;
	uint32_t holder;   // when the wait began; 0 = not known
	uint64_t lock;	   // its address
	uint64_t since_ns; // CLOCK_MONOTONIC, 0 = it does not wait
};

// Answers to the request for all stacks that is open.
struct ingest_stacks {
	uint32_t request; // 0 = none
	struct ingest_stack *list;
	size_t n;
	size_t capacity;
};

struct ingest {
	struct stacks stacks;
	struct agg agg;
	struct threads threads;
	struct fold *fold; // the last; NULL: ingest_init() failed
	struct labels labels;
	struct profiles profiles;
	struct images *images;	   // owned; NULL: every frame is in no image
	struct unwinder *unwinder; // owned; NULL: raw stacks are [unknown]
	uint32_t max_frames;	   // 1..STACK_DEPTH_MAX
	struct hmap by_hash;	   // hash | 1 of FORM_HASH -> stack id
	struct ingest_waiting *waiting;
	size_t n_waiting;
	size_t waiting_capacity;
	size_t n_waited;       // of those, how many have waited a round
	bool is_forced;	       // nothing waits any longer
	uint64_t refreshed_ns; // when the maps were last read, monotonic
	uint64_t n_records[RECORD_N];
	uint64_t n_unknown_records; // of a type that is not known, skipped
	uint64_t n_frames;	    // FORM_FRAMES read
	uint64_t n_hashes;	    // FORM_HASH read
	struct walkcheck check;
	struct ingest_stacks asked;
	struct trace *trace;	   // whose events are wanted, or NULL; borrowed
	uint64_t n_unknown_hashes; // FORM_HASH without its FORM_FRAMES
	uint64_t n_truncated;	   // stacks that end in [truncated]
	uint32_t now_s;		   // CLOCK_MONOTONIC, the ingester's
	uint64_t n_worth; // samples that make a file at exit worth writing
	uint64_t counters[COUNTER_N]; // of RECORD_COUNTERS
	bool is_goodbye;	      // a RECORD_GOODBYE was read
	uint64_t n_dumps;	      // asked for by RECORD_DUMPs
	// Called at an allocation that brings the bytes in use there; NULL:
	// nobody wants to know.
	void (*on_peak)(void *context);
	void *peak_context;
	double peak_mark_bytes;
	struct frame frames[STACK_DEPTH_MAX];
};

// Takes ownership of IMAGES (may be NULL), also when it fails. 0 or -ENOMEM:
// then records are only counted, and nobody can take a snapshot.
int ingest_init(struct ingest *in, struct images *images, uint32_t max_frames);
void ingest_fini(struct ingest *in);

void ingest_record(struct ingest *in, const union ringread_record *record);
// RECORD comes soon: what it will need is fetched while others are taken; and a
// while later, what is found there.
void ingest_expect(const struct ingest *in,
		   const union ringread_record *record);
void ingest_expect_found(const struct ingest *in,
			 const union ringread_record *record);

// A round over all rings is over: records that waited for their stacks are
// taken, and ends of threads ripen. IS_LAST: the process writes no more, so
// nothing needs to wait.
void ingest_waiting(struct ingest *in, bool is_last);

// The id of the stack of one frame at ADDR (0: not known), for a thread that
// was not asked.
uint32_t ingest_unasked(struct ingest *in, uint64_t addr, uint32_t generation);

// Reads the maps again; N: region_status.x_generation now.
void ingest_refresh(struct ingest *in, uint32_t generation);

// Adds up rows of threads that have ended under their names, where there are
// enough to be worth it. 0 or negative errno with nothing changed.
int ingest_fold(struct ingest *in);

// Memory of the tables.
size_t ingest_bytes(const struct ingest *in);

#endif
