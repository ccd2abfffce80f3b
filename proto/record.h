// SPDX-License-Identifier: Apache-2.0
//
// One event, as the shim writes it: into a ring of the region, or as one
// SOCK_SEQPACKET message. The same bytes in both, host byte order (the region
// never leaves the machine). A record starts with struct record, whose first
// word is all that every record has; what follows is named by its form. Sizes
// are multiples of 8 and never exceed RECORD_MAX_BYTES. Everything here is
// hostile input to the collector: copy once, check the copy, use the copy.
#ifndef CPROF_PROTO_RECORD_H
#define CPROF_PROTO_RECORD_H

#include "proto/arch.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum record_type {
	RECORD_PAD = 0,	       // skip to the end of the ring
	RECORD_ALLOC = 1,      // value: bytes asked for · aux: rate · id
	RECORD_FREE = 2,       // id of the sampled allocation; no stack
	RECORD_CPU = 3,	       // value: ticks · aux: period_ns
	RECORD_BLOCK = 4,      // value: delay_ns · aux: rate_ns · id: of what
	RECORD_MUTEX = 5,      // value: delay_ns · aux: fraction
	RECORD_THREAD = 6,     // a thread was created; stack of the creator
			       // value: tid of the new thread, 0 if unknown
	RECORD_THREAD_END = 7, // tid is ending; payload: its name
	RECORD_THREAD_NAME = 8, // value: tid · payload: its new name
	RECORD_UNLOAD = 9,	// an image is going away; payload: path
				// value: load bias · aux: generation it ends
	RECORD_DUMP = 10, // value: what region_status.x_dump_requests grows by
			  // (socket transport)
	RECORD_GOODBYE = 11,  // the process is ending (socket transport)
	RECORD_COUNTERS = 12, // payload: counters (socket transport)
	// Where the thread is, as it was asked. value: record_asked() · aux:
	// since when it waits, CLOCK_MONOTONIC, 0 = not · id: for what
	RECORD_STACK = 13,
	RECORD_THREAD_BEGIN = 14, // tid begins; while a trace runs
	RECORD_LABELS = 15,	  // a set of labels, told before its first use;
			    // value: its number · aux: of the set it adds one
			    // label to; payload: key, NUL, value, NUL
	RECORD_MARK = 16,    // the program says that something happened now;
			     // payload: what
	RECORD_PROFILE = 17, // a profile of the program's own, told before its
			     // first use; value: its number · payload: name
	RECORD_N
};

// What a wait in a hooked call is for.
enum record_wait {
	WAIT_NONE = 0,
	WAIT_MUTEX = 1,
	WAIT_READ = 2, // an rwlock, to read or to write
	WAIT_WRITE = 3,
	WAIT_COND = 4,
	WAIT_SEM = 5,
	WAIT_BARRIER = 6,
	WAIT_JOIN = 7, // the end of a thread
	WAIT_N
};

// Thread ids are below 2^22.
#define RECORD_TID_BITS 24
#define RECORD_TID_MASK ((1u << RECORD_TID_BITS) - 1)

// Of STACK: the request that is answered, what the thread waits for, and the
// thread that held it when the wait began (0: not known).
static inline uint64_t record_asked(uint32_t request, enum record_wait wait,
				    uint32_t holder)
{
	return (uint64_t)request << 32 | (uint64_t)wait << RECORD_TID_BITS |
	       (holder & RECORD_TID_MASK);
}

// Of BLOCK (its id): the same of the wait that is over, and bits of the lock's
// address that tell it from others.
static inline uint64_t record_waited(enum record_wait wait, uint32_t holder,
				     uintptr_t lock)
{
	return record_asked((uint32_t)(lock >> 3), wait, holder);
}

// What lies behind the header.
enum record_form {
	FORM_NONE = 0,	 // nothing
	FORM_RAW = 1,	 // struct record_raw, then stack bytes from sp upwards
	FORM_FRAMES = 2, // struct record_frames: unwound by the shim
	FORM_HASH = 3,	 // u64 hash of a stack sent before as FORM_FRAMES
	FORM_TEXT = 4, // bytes of a name or path, NUL-padded to a multiple of 8
	FORM_WORDS = 5, // u64 words (counters)
	// There is no struct record: FREE is a struct record_free, ALLOC a
	// struct record_alloc.
	FORM_BRIEF = 6,
	FORM_N
};

enum record_flags {
	RECORD_SIGNAL = 1 << 0,	 // captured in a signal handler: the leaf's pc
				 // is exact, not a return address
	RECORD_CUT = 1 << 1,	 // the stack was longer than the copy
	RECORD_FOREIGN = 1 << 2, // the stack's end is unknown
	RECORD_UNTRACKED = 1 << 3, // ALLOC: no room in the live table, so no
				   // FREE will follow; counts in alloc only
	RECORD_REMAINDER = 1 << 4, // CPU: unsampled time of ended threads
	RECORD_MAIN = 1 << 5,	   // THREAD: the process's first thread
};

struct record {
	uint32_t size_bytes; // whole record, a multiple of 8
	uint8_t type;	     // enum record_type
	uint8_t form;	     // enum record_form
	uint16_t flags;	     // enum record_flags
	uint32_t tid;	     // kernel thread id in the target's pid namespace
	uint32_t generation; // region.x_generation at capture
	uint64_t time_ns;    // CLOCK_MONOTONIC, 0 where no clock was read
	uint64_t value;
	uint64_t aux;
	uint64_t id;	  // heap sample id, never 0 for ALLOC and FREE
	uint32_t labels;  // the set of labels the thread had; 0 = none
	uint32_t profile; // ALLOC: an object of this profile of the program's
			  // own, counted once; 0 = memory
};
static_assert(sizeof(struct record) == 56, "record header is 56 bytes");

// Exact mode's two, which are most of what it writes and the collector reads.
struct record_free {
	uint32_t size_bytes; // as in struct record
	uint8_t type;
	uint8_t form;
	uint16_t flags;
	uint64_t id;
};
static_assert(sizeof(struct record_free) == 16, "a free is 16 bytes");

// An allocation at rate 1, of a stack that was sent before; no labels, no time.
struct record_alloc {
	uint32_t size_bytes; // as in struct record
	uint8_t type;
	uint8_t form;
	uint16_t flags;
	uint32_t tid;
	uint32_t n_bytes; // asked for
	uint64_t id;
	uint64_t hash; // of the stack
};
static_assert(sizeof(struct record_alloc) == 32, "an allocation is 32 bytes");

// Where sizes and types are looked at: the first word of any record.
struct record_head {
	uint32_t size_bytes;
	uint8_t type;
	uint8_t form;
	uint16_t flags;
};
static_assert(sizeof(struct record_head) == 8, "one word");

#define RECORD_MIN_BYTES ((uint32_t)sizeof(struct record_free))

struct record_raw {
	uint64_t regs[RECORD_REGS]; // of proto/arch.h
	uint32_t stack_bytes; // bytes that follow, copied from regs[RSP] up
	uint32_t reserved;    // 0
};
static_assert(sizeof(struct record_raw) == 8 * RECORD_REGS + 8,
	      "raw header has no padding");

struct record_frames {
	uint64_t hash;	     // of the frames, for FORM_HASH later
	uint32_t n_frames;   // u64 pcs follow, leaf first; WALK_EXACT in some
	uint32_t generation; // as in struct record
};
static_assert(sizeof(struct record_frames) == 16, "frames header is 16 bytes");

#endif
