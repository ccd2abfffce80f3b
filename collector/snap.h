// SPDX-License-Identifier: Apache-2.0
//
// A snapshot: everything one profile is rendered from, copied out of a
// process's state under its lock (a matter of memory bandwidth) and owned by
// whoever took it. Rendering reads it without any lock. A delta is a later
// snapshot minus an earlier one of the same session: stack ids of a session
// never change, and what became of threads' numbers is known (fold.h).
#ifndef CPROF_COLLECTOR_SNAP_H
#define CPROF_COLLECTOR_SNAP_H

#include "collector/cow.h"
#include "collector/fold.h"
#include "collector/image.h"
#include "proto/kind.h"
#include "proto/limits.h"

#include <stddef.h>

// Frames [first, first + n) of snap.frames, leaf first.
struct snap_stack {
	uint32_t first;
	uint32_t n;
};

// One row: values of a stack in a thread, in the order of the kind's sample
// types (kind_table). Doubles, since heap weights are fractions; they are
// rounded once, when written. Sums below 2^53 are exact.
struct snap_row {
	uint32_t stack;	     // index into snap.stacks
	uint32_t tid;	     // 0 = no thread; see SNAP_TID_ENDED
	uint32_t labels;     // set of labels, 0 = none
	uint32_t size_class; // of heap blocks (size_class.h), 0 = none
	double values[KIND_VALUES_MAX];
};

// Linux has no thread ids beyond (PID_MAX_LIMIT). From here on they stand for
// all threads of one name that have ended.
#define SNAP_TID_ENDED (1u << 22)

// A set of labels: one label, and the set it was added to. Keys and values are
// texts in snap.label_texts.
struct snap_labels {
	uint32_t parent; // 0 = none
	uint32_t key;
	uint32_t value;
};

struct snap_thread {
	uint32_t tid;
	char name[16]; // NUL-terminated
};

// Invariants: rows of one snap have distinct (stack, tid, labels, size_class),
// and an age besides where there are ages, and then no delta is made of it;
// threads are sorted by tid; stacks[row.stack].first + n <= n_frames;
// frame.image <= n_images or FRAME_PSEUDO.
struct snap {
	uint64_t session; // unique in this collector's life
	uint32_t pid;
	unsigned kind; // enum kind; from KIND_N: the process's own profiles
	// Of the process's own profiles; see snap_kind().
	struct kind_info own;
	char own_name[PROFILE_NAME_MAX_BYTES + 1];
	char comm[16];
	int64_t time_ns;     // CLOCK_REALTIME: when it was taken (of a delta:
			     // the later one); for cpu: when the interval began
	int64_t duration_ns; // of the interval; for the rest since the start
	int64_t period;	     // in the kind's period unit
	struct fold *fold;   // held: the last when it was taken
	struct snap_row *rows;
	size_t n_rows;
	// While it is being copied (take_finish()): its rows; and the live
	// samples, to tell them apart by their age at age_now_s.
	struct cow *rows_copy;
	struct cow *live_copy;
	uint32_t age_now_s;
	uint8_t *ages; // of each row 1 + enum age, 0: none; NULL: of all
	struct snap_stack *stacks; // shared.h
	size_t n_stacks;
	struct frame *frames; // shared.h
	size_t n_frames;
	struct image **images; // images[id - 1], each a reference
	uint32_t n_images;
	struct snap_thread *threads;
	size_t n_threads;
	struct snap_labels *label_sets; // by number; key 0: not known
	size_t n_label_sets;
	char *label_texts; // begins with a NUL
	char *labels;	   // k=v,k=v put on every sample, "" when none
	char **comments;   // lines for Profile.comment
	size_t n_comments;
	uint64_t *counts; // what was counted meanwhile, in the taker's order
	size_t n_counts;
};

// What is known of S's kind.
static inline const struct kind_info *snap_kind(const struct snap *s)
{
	return s->kind < KIND_N ? &kind_table[s->kind] : &s->own;
}

// S may be one that is still being copied.
void snap_free(struct snap *s);

// LATER becomes LATER - EARLIER (rows that become all zero are dropped);
// EARLIER is left alone. -EINVAL when they are not of one session and kind.
int snap_subtract(struct snap *later, const struct snap *earlier);
// The same for those values only whose bit (by index) is set in VALUES; the
// others stay LATER's.
int snap_subtract_values(struct snap *later, const struct snap *earlier,
			 unsigned values);

// What a later snapshot needs of S to be compared with it: its rows, times and
// counts. It can't be rendered. To be freed with snap_free(). NULL: no memory.
struct snap *snap_copy_rows(const struct snap *s);

#endif
