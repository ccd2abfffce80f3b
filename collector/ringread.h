// SPDX-License-Identifier: Apache-2.0
//
// Reads records out of a stripe that another process writes and may corrupt at
// any moment: each record is copied once into private memory, the copy is
// checked, and only the copy is used. Head and tail are believed only as far as
// they keep tail <= head <= tail + stripe bytes; the tail that counts is a
// private one. It knows nothing of what records mean.
//
// One thread at a time per stripe (the visit to its process); the writer runs
// at the same time.
#ifndef CPROF_COLLECTOR_RINGREAD_H
#define CPROF_COLLECTOR_RINGREAD_H

#include "proto/region.h"

#include <stdbool.h>
#include <stddef.h>

// A record that passed ringread_check(), in private memory.
union ringread_record {
	struct record_head head;
	struct record header; // not with FORM_BRIEF
	struct record_free free;
	struct record_alloc alloc;
	unsigned char bytes[RECORD_MAX_BYTES];
};

// The reader's view of one stripe. Owner: the thread that visits the process.
struct ringread {
	struct stripe *stripe; // shared, hostile
	uint32_t stripe_bytes; // a power of two, our own number
	uint64_t tail;	       // what has been read, ours
	uint64_t base;	       // as read with the head; any multiple of 8
	uint64_t tail_told;    // what the writer knows of that
	uint64_t n_resets;     // head was absurd, or a record's size was
	uint64_t n_bad;	       // records whose payload did not fit their form
};

void ringread_init(struct ringread *r, struct stripe *s, uint32_t stripe_bytes);

// The head to read up to: what was pushed before this call. A stripe whose head
// is impossible is reset (what it holds is given up and counted).
uint64_t ringread_head(struct ringread *r);

// Copies the next record before HEAD (from ringread_head()) into *ret. False
// when there is none.
bool ringread_next(struct ringread *r, uint64_t head,
		   union ringread_record *ret);

// 0 when the N_BYTES at RECORD are one well-formed record: type, form and sizes
// fit each other and the limits; else -EBADMSG. The bytes must be private.
int ringread_check(const union ringread_record *record, size_t n_bytes);

#endif
