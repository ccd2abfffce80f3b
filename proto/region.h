// SPDX-License-Identifier: Apache-2.0
//
// The region: one memfd per profiled process, created, sized, sealed and
// prefaulted by the collector (a target under RLIMIT_FSIZE that sized it would
// be killed; a page that could not be had would be a SIGBUS in the host),
// mapped by both. It holds control words, the stripes (rings of records) and
// the live table. The layout is chosen by the collector and described by the
// header; the shim takes it as is, the collector trusts nothing in it after
// handing it over except its own copy.
//
// The last stripes get their memory when the process has lived for some
// milliseconds (x_n_ready): most of what a start costs is that memory, and most
// processes that start are short. Until then neither side touches them.
//
//	page 0   struct region_control   written by the collector only
//	page 1   struct region_status    written by the shim
//	walk_offset      struct walk_index, written by the collector only
//	sent_offset      2 × 2^lg_sent u64 slots: stacks sent before
//	log_offset       2 × 2^lg_log bytes: their frames
//	stripes_offset   n_stripes × (struct stripe + stripe_bytes)
//	live_offset      live_buckets × struct live_bucket
//	ids_offset       live_buckets × 8 u64 sample ids, slot by slot
//
// Who writes what, and the pairs of orders, stand at each field.
#ifndef CPROF_PROTO_REGION_H
#define CPROF_PROTO_REGION_H

#include "proto/limits.h"
#include "proto/record.h"
#include "proto/walk.h"

#include <stdatomic.h>

#define REGION_MAGIC 0x6370726f66726e67ull // "cprofrng"
#define REGION_PAGE  4096u
#define CACHELINE    64u

// In the upper half of si_value: what makes the timers' signal a request.
#define REGION_ASK 0x6370726600000000ull // "cprf"

enum region_counter {
#define COUNTER(id, name, is_loss, help) COUNTER_##id,
#include "proto/counters.def"
#undef COUNTER
	COUNTER_N
};

// Written by the collector; the shim only reads.
struct region_control {
	uint64_t magic;
	uint32_t proto_version;
	uint32_t n_stripes;  // <= STRIPES_MAX; 0 = no rings (socket transport)
	uint64_t size_bytes; // of the whole region
	uint64_t stripes_offset; // multiples of REGION_PAGE
	uint64_t live_offset;
	uint64_t ids_offset;
	uint32_t stripe_bytes;	  // data bytes of one stripe, a power of two
	uint32_t lg_live_buckets; // log2 of the number of buckets
	uint32_t stack_bytes;	  // copy limit, <= STACK_COPY_MAX_BYTES
	uint32_t lg_sent; // log2 of a half's number of slots for sent stacks
	uint32_t lg_log;  // log2 of the bytes of a half of their log
	uint64_t walk_offset;
	uint64_t sent_offset;
	uint64_t log_offset;
	// Stripes whose memory is there, 1 to n_stripes; it only grows. The
	// collector's release, after it has allocated them, pairs with the
	// shim's acquire. All before it is the same in every region of the
	// process.
	_Atomic uint32_t x_n_ready;
	// Rates in force; relaxed: each is read alone, when a sample is taken.
	_Alignas(CACHELINE) _Atomic uint64_t x_heap_rate; // bytes, 0 = off
	_Atomic uint64_t x_cpu_hz;			  // 0 = off
	_Atomic uint64_t x_block_rate_ns;		  // 0 = off
	_Atomic uint64_t x_mutex_fraction;		  // 0 = off
	// The request for all threads' stacks that is open, 0 = none: a thread
	// that handles a tick answers it. Relaxed.
	_Atomic uint32_t x_stacks_asked;
	// 1 while a trace runs: records tell the time. Relaxed.
	_Atomic uint32_t x_is_traced;
	// The last request to give free memory back to the system, 0 = none
	// yet. Relaxed.
	_Atomic uint32_t x_trim_asked;
	// CLOCK_MONOTONIC of the collector's last visit; relaxed.
	_Alignas(CACHELINE) _Atomic uint64_t x_heartbeat_ns;
	// 1 once /proc/PID/status says Seccomp: the shim makes no system calls.
	_Atomic uint32_t x_sandboxed;
	// Futex word: 1 once the collector has written the files of an exiting
	// process. The collector's release pairs with the shim's acquire.
	_Atomic uint32_t x_written;
	// 1 = this session has ended, and with it the collector: its files are
	// written. What is pushed from then on is for the next one. Release:
	// x_said comes before it.
	_Atomic uint32_t x_closed;
	// What the files of a session that was closed account for, so that the
	// next one says the rest: the counters as they say them; of PUSHED, the
	// records that were read or are said to be gone. 0 where the collector
	// was killed: then nothing is accounted for.
	_Atomic uint64_t x_said[COUNTER_N];
};
static_assert(sizeof(struct region_control) <= REGION_PAGE, "page 0");

enum region_trim {
	REGION_TRIM_DONE,
	REGION_TRIM_FOREIGN, // the allocator is not libc's; told from the start
	REGION_TRIM_SANDBOXED, // no system calls any more
};

enum region_eintr {
	REGION_EINTR_SOCKETS = 1 << 0,	  // sockets with a time-out
	REGION_EINTR_SEMAPHORES = 1 << 1, // sem_timedwait
};

// In the upper 8 bits of x_dump_requests: begin or end a CPU profile.
#define REGION_TOGGLE_SHIFT 24
#define REGION_TOGGLE	    (1u << REGION_TOGGLE_SHIFT)

// Written by the shim; the collector reads, and believes none of it.
struct region_status {
	// Last heap sample id given out; fetch_add relaxed, ids are only names.
	_Alignas(CACHELINE) _Atomic uint64_t x_last_id;
	// 1 once the process uses this region. 0 in a session whose answer came
	// too late to be waited for. Relaxed.
	_Atomic uint32_t x_attached;
	// Bumped before and after each dlclose: odd while one is running.
	// Release pairs with the collector's acquire before it reads maps.
	_Alignas(CACHELINE) _Atomic uint32_t x_generation;
	// Snapshots asked for by the signal, and REGION_TOGGLE for each time
	// that CPUPROFILESIGNAL came; relaxed, the collector compares with the
	// number it has served.
	_Atomic uint32_t x_dump_requests;
	// 1 = the process is exiting and waits on x_written. Release pairs with
	// the collector's acquire: all records pushed before are visible.
	_Atomic uint32_t x_goodbye;
	// The signal that asks a thread for its stack, sent with si_value
	// REGION_ASK | request; 0 = ask none: nobody handles it, or it would
	// interrupt system calls for good. Relaxed.
	_Atomic uint32_t x_ask_signal;
	// What of the process a signal would end early, SA_RESTART or not: bits
	// of region_eintr, once set for good. Relaxed.
	_Atomic uint32_t x_eintr;
	// 1 = something worth a file at exit was pushed (see README, "exit").
	_Atomic uint32_t x_worth;
	// The request to give memory back that a thread has taken, the last one
	// that was served, and how: enum region_trim, before the number.
	// Release pairs with the collector's acquire.
	_Atomic uint32_t x_trim_taken;
	_Atomic uint32_t x_trim_served;
	_Atomic uint32_t x_trim_result;
	// The log of sent stacks: the position of its end, and for which half
	// (a position's, counted on) x_log_heads are known: how far each stripe
	// had been written when that half began, in it or before it.
	_Alignas(CACHELINE) _Atomic uint32_t x_log_end;
	_Atomic uint32_t x_log_noted;
	_Atomic uint64_t x_log_heads[STRIPES_MAX];
	// Relaxed sums, named by proto/counters.def.
	_Alignas(CACHELINE) _Atomic uint64_t x_counters[COUNTER_N];
};
static_assert(sizeof(struct region_status) <= REGION_PAGE, "page 1");

// A stripe: a ring of records with one writer at a time (the holder of
// x_owner_tid) and one reader (the collector).
// head and tail count bytes since the start and never wrap:
//	tail <= head, head - tail <= stripe_bytes
// The byte at position p, tail <= p < head, is data[(p - base) % stripe_bytes].
// A record never crosses the end of the data: a PAD record, of which only the
// first word is there, fills the rest.
//
// While nothing is unread the next record may go to the front of the data, by
// base = head. Writers look for that when they come to a limit, which is
// STRIPE_WINDOW_BYTES from the front at first: so a stripe that is read sooner
// than it fills up to there touches no more of its pages, of which each would
// be resident in the process from then on.
//
//	may run at once    push (other stripes)  push (same)   pop
//	push               yes                   try-lock      yes
//	pop                yes                   yes           no: one reader
struct stripe {
	// 0 free, else the tid that is writing. CAS acquire, store release.
	// The collector clears it when that thread no longer exists.
	_Alignas(CACHELINE) _Atomic uint32_t x_owner_tid;
	// Of the data, from the front, what a burst has used and is resident in
	// the process for all it knows, or 0. Relaxed; the shim's.
	_Atomic uint32_t x_used_bytes;
	// Written by the writer, release: pairs with the reader's acquire;
	// the record's bytes come before it.
	_Atomic uint64_t x_head;
	// Changed by the holder only when x_tail says that all is read,
	// relaxed: x_head's release comes after it, and the reader, who loads
	// it after x_head, has something to read until then. A multiple of 8.
	_Atomic uint64_t x_base;
	// The writers': the position that they may write up to without a look
	// at the reader's line; the end of the data is not in between. Relaxed:
	// only the holder touches it.
	_Atomic uint64_t x_limit;
	// Written by the reader, now and then and at the end of a round,
	// release: pairs with the writer's acquire; the reader has copied the
	// bytes out before it.
	_Alignas(CACHELINE) _Atomic uint64_t x_tail;
	_Alignas(CACHELINE) unsigned char data[];
};
static_assert(sizeof(struct stripe) == 2 * CACHELINE, "stripe header");

// The stacks that were sent in full. Their frames are kept in the log, each as
// a struct record_frames with its pcs behind it, at a position that counts
// units of LOG_UNIT bytes, and wraps; a position names a half of the log (its
// bits from lg_log - 3 on, of which the lowest chooses the place) and stands,
// beside the upper half of the stack's hash, in a slot of that half's table. A
// stack in the current half is sent as its hash alone. All this is written by
// holders of a stripe only.
//
// A half is written over only when the collector has read all that was pushed
// before the other one began: so every hash that nobody has read names a stack
// that is still here, and who moves records to the next collector's region
// finds it.
#define LOG_UNIT   8u
#define LG_LOG_MIN 14u
#define LG_LOG_MAX 24u
// No stack is longer than a half.
static_assert(sizeof(struct record_frames) + STACK_DEPTH_MAX * 8 <=
		      1u << LG_LOG_MIN,
	      "a half of the log holds the deepest stack");

// A bucket of the live table: eight pointers in one cache line; the id of slot
// i of bucket b is ids[b * 8 + i]. A pointer p lives in bucket live_hash(p) or
// in live_hash2(p). A slot is
//	0           free
//	LIVE_TAKEN  being filled, or out for a realloc; nobody else touches it
//	p           live (p is a multiple of 8)
//	p | LIVE_FREED  freed, but the FREE record found no room: the collector
//	            accounts the id and clears the slot (CAS to 0). Release by
//	            the shim pairs with the collector's acquire: the id is
// valid.
#define LIVE_SLOTS 8u
#define LIVE_TAKEN 1ull
#define LIVE_FREED 2ull
#define LIVE_STATE 7ull

struct live_bucket {
	_Alignas(CACHELINE) _Atomic uint64_t x_slots[LIVE_SLOTS];
};
static_assert(sizeof(struct live_bucket) == CACHELINE, "one line");

#endif
