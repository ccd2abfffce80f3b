// SPDX-License-Identifier: Apache-2.0
//
// Every decision about a sample: is it taken, what does it weigh, what becomes
// of it when there is no room. The mathematics is rate.c's, and README.md's.
#include "preload/sample.h"

#include "preload/exact.h"
#include "preload/labels.h"
#include "preload/live.h"
#include "preload/rate.h"
#include "preload/ring.h"
#include "preload/rmw.h"
#include "preload/session.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/thread.h"
#include "preload/trim.h"

#include <errno.h>
#include <pthread.h>
#include <sys/uio.h>

// While heap sampling is off a thread looks at the rate once in so many bytes.
#define HEAP_LOOK_BYTES (1 << 20)
#define EXACT_WAIT_NS	1000000u
// One clock pair in so many samples measures what they cost.
#define OVERHEAD_EVERY 64u

bool sample_ready(void)
{
	if (!session_ensure())
		return false;
	// What a handler has come into the middle of is not done twice.
	if (UNLIKELY(self.flags & THREAD_CHANGING))
		return false;
	if (UNLIKELY(self.serial != state.serial)) {
		// A thread that first shows up in a sandbox can't ask who it
		// is, and one whose memory a vfork child uses must not take the
		// child's number for its own.
		if (!state_is_sandboxed() && state_is_own_process())
			thread_adopt();
	} else if (UNLIKELY(!self.hz) && thread_wanted_hz()) {
		thread_take_rate();
	}
	return self.serial == state.serial;
}

// What a call that was ready a moment ago need not find out again.
static bool is_registered(void)
{
	return state_control() && self.serial == state.serial;
}

static uint64_t rate_of(const _Atomic uint64_t *x_rate)
{
	return atomic_load_explicit(x_rate, memory_order_relaxed);
}

static int try_push_worth(struct record *r, const struct capture *c)
{
	int err = ring_try_push(r, c);

	if (!err &&
	    !atomic_load_explicit(&state.status->x_worth, memory_order_relaxed))
		atomic_store_explicit(&state.status->x_worth, 1,
				      memory_order_relaxed);
	return err;
}

static int push_worth(struct record *r, const struct capture *c)
{
	int err = try_push_worth(r, c);

	ring_count_drop(err);
	return err;
}

typedef int push_fn(struct record *r, const struct capture *c);
typedef uint64_t now_fn(void);

// Times one push in OVERHEAD_EVERY by NOW and counts it for all of them.
static inline int push_timed(struct record *r, const struct capture *c,
			     push_fn *push, now_fn *now_ns)
{
	uint64_t start;
	int err;

	if (rate_random(&self.random) % OVERHEAD_EVERY || state_is_sandboxed())
		return push(r, c);
	start = now_ns();
	err = push(r, c);
	state_count(COUNTER_OVERHEAD_NS, (now_ns() - start) * OVERHEAD_EVERY);
	return err;
}

static int push_measured(struct record *r, const struct capture *c,
			 push_fn *push)
{
	return push_timed(r, c, push, sys_now_ns);
}

// Exact mode: the user asked that nothing be missed, so an allocation may wait
// for room, a millisecond at most; and not again before the collector has
// moved.
static int wait_for_room(struct record *r, const struct capture *c)
{
	uint64_t until;
	int err = -ENOSPC;

	if (state_is_sandboxed() ||
	    ring_progress() == atomic_load_explicit(&state.x_stuck_tail,
						    memory_order_relaxed))
		return err;
	state_count(COUNTER_EXACT_WAITS, 1);
	until = sys_now_ns() + EXACT_WAIT_NS;
	while (err == -ENOSPC && sys_now_ns() < until) {
		(void)sys_call(SYS_sched_yield);
		err = try_push_worth(r, c);
	}
	// -EAGAIN: it can be read, but is to be captured anew.
	if (err == -ENOSPC)
		atomic_store_explicit(&state.x_stuck_tail, ring_progress(),
				      memory_order_relaxed);
	return err;
}

static int push_exact(struct record *r, const struct capture *c)
{
	int err = try_push_worth(r, c);

	if (err == -ENOSPC)
		err = wait_for_room(r, c);
	ring_count_drop(err);
	return err;
}

// The free of the block with id STALE went past us, and SLOT is still its. When
// the rings have no room for that the slot keeps it, and the new block needs
// another. False when there is none.
static bool end_stale(struct live_slot *slot, const void *p, uint64_t stale)
{
	uint64_t id = slot->id, none;

	if (!ring_try_push_free(stale)) {
		live_uncount(p);
		return true;
	}
	live_defer(slot, p);
	if (!live_reserve(p, slot, &none))
		return false;
	slot->id = id;
	return true;
}

// A place for P, which R tells of, in SLOT, whose id is known. -EEXIST: it has
// one, as an object that another thread has just added; -ENOSPC.
static int reserve(const void *p, const struct record *r,
		   struct live_slot *slot)
{
	uint64_t stale;

	if (!live_reserve(p, slot, &stale))
		return -ENOSPC;
	if (!stale)
		return 0;
	if (r->profile) {
		live_restore(slot, p);
		return -EEXIST;
	}
	return end_stale(slot, p, stale) ? 0 : -ENOSPC;
}

static bool has_deferred(void)
{
	return state.is_sweeper &&
	       atomic_load_explicit(
		       &state.status->x_counters[COUNTER_FREES_DEFERRED],
		       memory_order_relaxed);
}

void sample_sweep(void)
{
	if (!has_deferred())
		return;
	for (uint32_t i = 0; i <= state.live_mask; i += LIVE_SWEEP_BUCKETS)
		live_sweep(ring_try_push_free);
}

// R with the present stack, which began at FRAME where that is not NULL.
static int push_stack(struct record *r, const uintptr_t *frame)
{
	push_fn *push = r->aux <= 1 ? push_exact : push_worth;
	struct capture c;
	int err = -EAGAIN;

	if (ARCH_HAS_WALK && frame) {
		capture_frame(&c, frame);
		err = push_measured(r, &c, push);
	}
	if (err != -EAGAIN)
		return err;
	capture_here(&c);
	return push_measured(r, &c, push);
}

// 0, or negative errno: R, whose value, rate and labels are filled in, did not
// go out. Without room in the live table memory counts as never freed; objects
// that are counted don't count. FRAME: as sample_alloc's, or NULL.
static int push_alloc(const void *p, struct record *r, const uintptr_t *frame)
{
	struct live_slot slot;
	int err;

	live_prefetch(p);
	slot.id = r->id = 1 + rmw_add(&state.status->x_last_id, 1);
	err = reserve(p, r, &slot);
	if (err) {
		slot.x_slot = NULL;
		r->flags |= RECORD_UNTRACKED;
		if (err == -ENOSPC)
			state_count(COUNTER_LIVE_FULL, 1);
		if (r->profile)
			return err;
	}
	if (UNLIKELY(has_deferred()))
		live_sweep(ring_try_push_free);
	err = push_stack(r, frame);
	if (!slot.x_slot)
		return err;
	if (err)
		live_cancel(&slot);
	else
		live_publish(&slot, p);
	return err;
}

// Draws the next gap at the rate in force. False when heap sampling is off.
static bool draw_gap(void)
{
	uint64_t rate = rate_of(&state_control()->x_heap_rate);

	self.heap_rate = rate;
	if (!rate)
		self.heap_left = HEAP_LOOK_BYTES;
	else if (rate == 1)
		self.heap_left = 0;
	else
		self.heap_left = (uint64_t)rate_gap(&self.random, rate);
	return rate != 0;
}

// An allocation reached the end of the gap. A thread's first allocation, and
// the first one after sampling was switched on, finds no gap drawn yet and is
// put to a fresh one.
static bool is_due(size_t n_bytes)
{
	if (self.heap_rate)
		return true;
	if (!draw_gap())
		return false;
	if (n_bytes >= self.heap_left)
		return true;
	self.heap_left -= n_bytes;
	return false;
}

// P is what the live table calls the block.
static void end_gap(const void *p, size_t n_bytes, uint32_t labels,
		    const uintptr_t *frame)
{
	struct record r = {
		.type = RECORD_ALLOC, .value = n_bytes, .labels = labels};
	int err;

	// A call that failed has counted nothing down.
	if (p && !sample_ready()) {
		self.heap_left = session_is_pending() ? 0 : HEAP_LOOK_BYTES;
	} else if (p && is_due(n_bytes)) {
		// The gap's own rate is what made this sample likely, whatever
		// is in force now.
		r.aux = self.heap_rate;
		err = push_alloc(p, &r, frame);
		if (draw_gap() && !err && frame && !has_deferred())
			exact_grant(frame);
	}
}

// Leaving samples out does not bias the others: gaps have no memory.
NOINLINE void sample_alloc(void *p, size_t n_bytes, const uintptr_t *frame)
{
	int err = errno;

	if (self.heap_rate > 1 && exact_sample(p, n_bytes, frame))
		(void)draw_gap();
	else if (UNLIKELY(self.flags & THREAD_PAUSED) && p && sample_ready())
		(void)draw_gap();
	else
		end_gap(p, n_bytes, labels_now, frame);
	if (UNLIKELY(trim_is_asked()))
		trim_serve();
	errno = err;
}

COLD void sample_block_of_heap(const void *block, size_t n_bytes,
			       uint32_t labels)
{
	int err = errno;

	end_gap(block, n_bytes, labels, NULL);
	errno = err;
}

int sample_object(const void *object, uint32_t profile)
{
	struct record r = {.type = RECORD_ALLOC,
			   .aux = 1,
			   .labels = labels_now,
			   .profile = profile};

	return push_alloc(object, &r, NULL);
}

COLD void sample_free(const struct live_slot *slot, const void *p)
{
	if (exact_release(slot, p))
		return;
	// Dropping it is not a loss: the collector finds it in the table.
	if (ring_try_push_free(slot->id))
		live_defer(slot, p);
	else
		live_release(slot, p);
}

COLD void sample_block(uint64_t delay_ns)
{
	int err = errno;
	struct record r = {.type = RECORD_BLOCK,
			   .value = delay_ns,
			   .id = record_waited((enum record_wait)waiting.wait,
					       waiting.holder, waiting.lock),
			   .labels = labels_now};
	struct capture c;

	// Ready is who timed the wait, and in most cases that is all.
	if (is_registered() || sample_ready()) {
		r.aux = rate_of(&state_control()->x_block_rate_ns);
		if (r.aux && rate_keep(&self.random, delay_ns, r.aux)) {
			capture_here(&c);
			(void)push_measured(&r, &c, push_worth);
		}
	}
	errno = err;
}

COLD void sample_mutex(uint64_t delay_ns)
{
	int err = errno;
	struct record r = {
		.type = RECORD_MUTEX, .value = delay_ns, .labels = labels_now};
	struct capture c;

	if (sample_ready()) {
		r.aux = rate_of(&state_control()->x_mutex_fraction);
		if (r.aux && rate_keep(&self.random, 1, r.aux)) {
			capture_here(&c);
			(void)push_measured(&r, &c, push_worth);
		}
	}
	errno = err;
}

COLD void sample_thread(uint32_t tid)
{
	int err = errno;
	struct record r = {
		.type = RECORD_THREAD, .value = tid, .labels = labels_now};
	struct capture c;

	if (is_registered() || sample_ready()) {
		capture_here(&c);
		(void)push_worth(&r, &c);
	}
	errno = err;
}

void sample_cpu(uint64_t ticks, uint64_t period_ns, const ucontext_t *uc)
{
	struct record r = {.type = RECORD_CPU,
			   .value = ticks,
			   .aux = period_ns,
			   .labels = labels_now};
	struct capture c;

	capture_context(&c, uc);
	(void)push_timed(&r, &c, push_worth, sys_slow_now_ns);
}

// Who has the lock now. It is read as another process would: the lock is gone
// if the wait was left by a longjmp.
static uint32_t holder_now(void)
{
	const pthread_mutex_t *m = (const pthread_mutex_t *)waiting.lock;
	const pthread_rwlock_t *l = (const pthread_rwlock_t *)waiting.lock;
	uint32_t holder = waiting.holder;
	struct iovec to = {&holder, sizeof(holder)}, from = {0, sizeof(holder)};

	if (waiting.wait == WAIT_MUTEX)
		from.iov_base = (void *)&m->__data.__owner;
	else if (waiting.wait == WAIT_READ || waiting.wait == WAIT_WRITE)
		from.iov_base = (void *)&l->__data.__cur_writer;
	if (from.iov_base)
		(void)sys_call(SYS_process_vm_readv, state.pid, &to, 1, &from,
			       1, 0);
	return holder;
}

// Where the thread is goes to those who asked, not into a profile: it makes no
// file worth writing.
COLD void sample_stack(uint32_t request, const ucontext_t *uc)
{
	struct record r = {.type = RECORD_STACK,
			   .labels = labels_now,
			   .aux = waiting.since_ns};
	struct capture c;

	if (waiting.answered == request)
		return;
	r.value =
		record_asked(request, (enum record_wait)waiting.wait,
			     r.aux && !state_is_sandboxed() ? holder_now() : 0);
	r.id = waiting.lock;
	capture_context(&c, uc);
	if (!ring_push(&r, &c))
		waiting.answered = request;
}
