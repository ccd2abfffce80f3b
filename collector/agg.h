// SPDX-License-Identifier: Apache-2.0
//
// What one process's samples add up to: tables of values by (stack, thread),
// and the live heap samples by id. Rows keep their index until agg_fold(), so
// that a free finds the row of its allocation without searching.
// Bounded: beyond the bound rows go to the stack [too many stacks], live
// samples count as never freed; both counted. It knows stacks by id only.
// One thread at a time (the holder of the process's lock).
#ifndef CPROF_COLLECTOR_AGG_H
#define CPROF_COLLECTOR_AGG_H

#include "collector/cow.h"
#include "collector/hmap.h"
#include "collector/snap.h"
#include "proto/limits.h"

// The kinds inuse and alloc are two views of one table.
enum agg_table {
	AGG_CPU,
	AGG_HEAP,
	AGG_BLOCK,
	AGG_MUTEX,
	AGG_THREADCREATE,
	AGG_N // no table: what does not add up
};

// Bounds for one process: rows of a table, live samples (those of the largest
// live table and some), frees that came before their allocation.

struct agg_rows {
	struct snap_row *list;
	size_t n;
	size_t capacity;
	struct cow *copies; // of list, being made
	struct hmap by_key; // of agg_key -> index
	uint64_t n_samples;
	uint64_t n_overflow;
	size_t n_folded; // rows there were after the last agg_fold()
};

// One live heap sample. What it added to the row is what its free takes away.
struct agg_live {
	double objects;
	double bytes;
	uint32_t row : 24;    // AGG_NO_ROW: it is in the free list
	uint32_t profile : 8; // 0 = memory
	union {
		uint32_t born_s;    // CLOCK_MONOTONIC when it was read
		uint32_t next_free; // in the free list, index + 1
	};
};

#define AGG_NO_ROW ((1u << 24) - 1)

struct agg {
	struct agg_rows tables[AGG_N];
	struct agg_rows own[PROFILES_MAX]; // of the process's own profiles
	struct agg_live *live;
	size_t n_live_used; // of the array
	size_t live_capacity;
	struct cow *live_copies; // being made
	uint32_t free_list;	 // index + 1, 0 = empty
	struct hmap by_id;	 // sample id -> index in live
	struct hmap early;	 // ids freed before their allocation was read
	double alloc_bytes;	 // sums over the heap's rows
	double inuse_bytes;
	uint64_t n_frees;
	uint64_t n_live_overflow;
};

struct agg_key {
	uint32_t stack;
	uint32_t tid;
	uint32_t labels;     // < LABEL_SETS_MAX
	uint32_t size_class; // of heap blocks, else 0
};

void agg_init(struct agg *a);
void agg_fini(struct agg *a);

// The row of KEY in TABLE, made when it is new; never NULL: the row of
// FRAME_OVERFLOW when there is no room. Valid until the next call.
struct snap_row *agg_row(struct agg *a, enum agg_table table,
			 struct agg_key key);

// An allocation sample ID of N_BYTES taken at RATE; its row is that of KEY and
// its size class. IS_TRACKED: a free may
// follow.
struct agg_alloc {
	uint64_t id;
	uint64_t n_bytes;
	uint64_t rate;
	bool is_tracked;
	uint32_t born_s;
};
void agg_alloc(struct agg *a, struct agg_key key, const struct agg_alloc *al);
void agg_free(struct agg *a, uint64_t id);
// The sample ID is going to be freed in a moment: its memory comes meanwhile.
void agg_expect_free(const struct agg *a, uint64_t id);
// The object ID is in the process's own PROFILE (1 to PROFILES_MAX, else it is
// ignored) until it is freed.
void agg_object(struct agg *a, struct agg_key key, uint64_t id,
		uint32_t profile);

// A table has grown so much since the last time, or is full, that rows of ended
// threads are to be added up.
bool agg_has_grown(const struct agg *a);
bool agg_is_full(const struct agg *a);
// A snapshot's copy of rows or live samples is being made.
bool agg_is_being_copied(struct agg *a);
// While none is: gives the rows of the threads of LIST (fold.h) the numbers
// that these become; rows that are the same then are one. 0, or -ENOMEM with
// nothing changed.
int agg_fold(struct agg *a, const struct fold_thread *list, size_t n);

// The table that KIND is made from; AGG_N: none.
enum agg_table agg_table_of(enum kind kind);

// The rows that KIND is made from: beyond KIND_N, those of the process's own
// profiles; NULL where there are none.
const struct agg_rows *agg_rows_of(const struct agg *a, unsigned kind);

// A copy of these rows as they are now, or of agg.live, begins: cow.h has the
// rest. NULL: no memory, or no such rows.
struct cow *agg_copy_rows(struct agg *a, unsigned kind);
struct cow *agg_copy_live(struct agg *a);
// About N_BYTES more of it. True: it is whole.
bool agg_copy_more_rows(struct agg *a, unsigned kind, struct cow *c,
			size_t n_bytes);
bool agg_copy_more_live(struct agg *a, struct cow *c, size_t n_bytes);

size_t agg_n_live(const struct agg *a);
size_t agg_bytes(const struct agg *a);

// 0, or -EUCLEAN when an invariant does not hold.
int agg_check(const struct agg *a);

#endif
