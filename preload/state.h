// SPDX-License-Identifier: Apache-2.0
//
// What the shim knows: one page per process, one cache line per thread, and the
// settings.
//
// The process page is MADV_WIPEONFORK: the child of any kind of fork finds
// zeroes there, which is a valid state (not attached), while a vfork child,
// which shares the parent's memory, finds the live one. So nobody asks getpid()
// who he is, and nothing of the parent's session is ever touched by a child.
// All-zero is valid for everything here: hooks run before the constructor.
//
// Any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_STATE_H
#define CPROF_PRELOAD_STATE_H

#include "proto/region.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// Where the stacks are that were sent (sent.h).
struct sent_tables {
	_Atomic uint64_t *x_slots; // two halves of 2^lg_slots
	unsigned char *log;	   // two halves of 2^lg_units units
	uint32_t lg_slots;
	uint32_t lg_units;
};

// One process's session. Written by session.c while it attaches, before
// x_control is stored; constant from then on but for the x_ fields.
struct state {
	// NULL until attached. The store (release) pairs with every reader's
	// load (acquire or a dependency): all other fields are set before.
	_Atomic(const struct region_control *) x_control;
	struct region_status *status;
	unsigned char *stripes;	     // stripe i at i * stripe_step_bytes
	struct live_bucket *buckets; // live table
	_Atomic uint64_t *x_ids; // sample ids, by bucket * LIVE_SLOTS + slot
	// Unwind tables (NULL: no walking): what of them is mapped, and how
	// much can be; and their index in the region. The first byte is stored
	// before the number, release, which pairs with a walk's acquire: so
	// that what it finds is mapped, be it with the former number.
	_Atomic(const unsigned char *) x_tables;
	_Atomic uint64_t x_tables_bytes;
	_Atomic uint64_t x_tables_limit_bytes; // relaxed
	const struct walk_index *walk_index;
	_Atomic uint32_t x_walk_off; // 1: not with these tables any more
	struct sent_tables sent;
	// Bumped before a region takes the place of another: what was sent into
	// the one is not known in the other. Relaxed; the stripes are held.
	_Atomic uint32_t x_region;
	uint64_t stripe_step_bytes;
	uint32_t n_stripes; // 0 = socket transport
	// Nobody else can sweep the live table: with the socket transport, and
	// when it is that of a former region.
	bool is_sweeper;
	uint32_t live_mask;    // buckets - 1
	uint16_t serial;       // differs from thread.serial: register first
	_Atomic uint32_t x_fd; // socket transport: descriptor + 1, else 0
	uint64_t fd_device, fd_inode;  // its identity, checked before each use
	_Atomic uint32_t x_attaching;  // 1 while some thread is attaching
	_Atomic uint32_t x_tried;      // 1 once attaching has failed or ended
	_Atomic uint32_t x_timed_out;  // 1: it failed for want of an answer
	_Atomic uint32_t x_is_pending; // 1: the answer is still to come
	uint32_t pid;
	// Where a former region is mapped (former.h), 0 = nowhere.
	_Atomic uintptr_t x_former;
	_Atomic uint64_t
		x_retry_ns; // not before this time: look for a collector
	// Signed CPU time of ended threads that no sample stands for yet.
	_Atomic int64_t x_cpu_bank_ns;
	// Exact mode: the tail seen when a wait for room ran out.
	_Atomic uint64_t x_stuck_tail;
	// Snapshots the user asked for that the collector wasn't told of yet.
	_Atomic uint32_t x_snapshots_owed;
	// Waits on rwlocks in progress; 0 lets an unlock skip the table.
	_Atomic uint32_t x_rwlock_waits;
	// Objects in the program's own profiles. Relaxed.
	_Atomic uint32_t x_objects[PROFILES_MAX];
	// Threads that handle a tick at this moment.
	_Atomic uint32_t x_in_tick;
} __attribute__((aligned(REGION_PAGE))); // alone on its page: wiping it wipes
					 // no neighbour

extern struct state state;

// One thread. Plain data in initial-exec TLS: no destructor, valid all-zero,
// usable in signal handlers and after pthread's destructors. Owner: the thread
// and its own signal handlers. 64 bytes, tested.
struct thread {
	uint64_t heap_left; // an allocation of so many bytes or more is sampled
	uint64_t heap_rate; // the rate that gap was drawn at, 0 = none drawn
	uint64_t random;    // rate.c's generator, 0 = not seeded
	uintptr_t stack_low, stack_high; // known bounds, 0 = unknown
	uint64_t sampled_ns;		 // CPU time that samples stand for
	uint32_t tid;
	uint32_t timer;	   // POSIX timer id + 1, 0 = none
	uint16_t serial;   // state.serial when it registered
	uint16_t hz;	   // what the timer is armed for, 0 = heartbeat
	uint16_t alt_slot; // altstack pool slot + 1, 0 = none
	uint16_t flags;	   // enum thread_flags
};

enum thread_flags {
	THREAD_BLOCKS_PROF = 1 << 0, // the host believes SIGURG is blocked
	THREAD_PARKED = 1 << 1,	     // and it really is: then no timer runs
	THREAD_ENDED = 1 << 2,	     // its end was recorded
	THREAD_PROBE = 1 << 3,	     // its timer is a fork child's probe
	THREAD_PAUSED = 1 << 5,	     // what it allocates is not sampled
	THREAD_IN_HANDLER = 1 << 4,  // in a handler of ours, all is blocked
	THREAD_BEGUN = 1 << 6,	     // it was counted when it began
	THREAD_SEEN = 1 << 7,	     // the collector has records of it
	THREAD_CHANGING = 1 << 8,    // registers, or takes over a rate
};

extern __thread struct thread self __attribute__((tls_model("initial-exec")));

// A handler of the thread's own can't come in between; there is nobody else.
static inline void state_set_flags(uint16_t flags)
{
	__atomic_fetch_or(&self.flags, flags, __ATOMIC_RELAXED);
}

static inline void state_clear_flags(uint16_t flags)
{
	__atomic_fetch_and(&self.flags, (uint16_t)~flags, __ATOMIC_RELAXED);
}

// What the thread waits for in a hooked call: for those who ask for all
// threads' stacks. Apart from struct thread, since only waits touch it. A call
// that is left by a longjmp leaves it behind; the collector believes it only
// with a frame of the shim's in the stack. Owner: the thread and its handlers.
struct waiting {
	uint64_t since_ns; // CLOCK_MONOTONIC, 0 = for nothing
	uintptr_t lock;
	uint32_t holder; // when it began; 0 = not known
	uint16_t wait;	 // enum record_wait
	// state.serial when a thread that is not registered asked for its tid:
	// it has self.tid all the same.
	uint16_t asked_serial;
	uint32_t answered; // the last request for its stack
	// Signals of ours that it has handled. Relaxed: the handlers are its
	// own.
	_Atomic uint32_t x_n_signals;
};

extern __thread struct waiting waiting
	__attribute__((tls_model("initial-exec")));

// The control page, or NULL when samples are not taken.
static inline const struct region_control *state_control(void)
{
	return atomic_load_explicit(&state.x_control, memory_order_acquire);
}

// The stripes there are to use, of an attached process: what the collector
// says, within what was agreed.
static inline uint32_t state_n_ready(void)
{
	// acquire: pairs with the collector's release: they have memory
	uint32_t n = atomic_load_explicit(&state_control()->x_n_ready,
					  memory_order_acquire);

	return n && n <= state.n_stripes ? n : state.n_stripes;
}

static inline struct stripe *state_stripe(uint32_t i)
{
	return (struct stripe *)(state.stripes + i * state.stripe_step_bytes);
}

// True once the process may be in a seccomp sandbox: no system calls, no clock.
// Not part of the wiped page, since fork children inherit the sandbox.
bool state_is_sandboxed(void);
void state_set_sandboxed(bool is_sandboxed);

// False in a vfork child, which shares this memory with its parent but must not
// speak for it. One system call.
bool state_is_own_process(void);

// Names the collector there is now, of this process: what it was told another
// was not. Never 0.
static inline uint32_t state_collector_token(void)
{
	return (uint32_t)state.serial << 16 |
	       (atomic_load_explicit(&state.x_region, memory_order_relaxed) &
		0xffff);
}

// Adds N to a counter of proto/counters.def; nothing when not attached.
void state_count(enum region_counter counter, uint64_t n);

// A library is being unloaded: from the beginning of the first to the end of
// the last such call the generation is odd, and nobody can tell what the
// addresses mean. The begin returns the generation that ends. The count is the
// shim's own, so that a new collector goes on from it; state_publish_generation
// tells it (and the signal below).
uint32_t state_unload_begin(void);
void state_unload_end(void);
void state_publish_generation(void);
// A fork child is not unloading what other threads of its parent are.
void state_forked(void);

// The signal by which a thread may be asked for its stack, 0 = none; and what
// of the process it would disturb.
void state_set_ask_signal(int sig);
bool state_has_ask_signal(void);
void state_note_eintr(enum region_eintr what);
// The heap is not libc's: nothing of it can be given back. Constructor only.
void state_note_foreign_heap(void);

// Makes the process page wipe itself on fork. 0, or negative errno: then the
// shim stays inert.
int state_init(void);

#endif
