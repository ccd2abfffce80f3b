// SPDX-License-Identifier: Apache-2.0
//
// The contention table. An entry is one 128-bit word that is only changed by
// one compare-and-swap, so each step is exact and none waits for another:
//
//	key   44 bits  address of the lock >> 3; 0 = free, then all is 0
//	n     12 bits  waiters, n >= 1
//	base  36 bits  time of the last charge (of the first wait before that)
//	sum   36 bits  sum over the waiters of max(start, base) - base
//
// in units of 1024 ns, times modulo 2^36 (19 hours). It follows that the
// waiting since the last charge is
//
//	sum over the waiters of now - max(start, base) = n * (now - base) - sum
//
// and that a charge is base = now, sum = 0. The clock is read after the entry,
// so now >= base and now >= every start in it: had one come later, the swap
// would fail. A waiter remembers its start and takes its own part out again.
//
// A lock's entry is in one bucket of eight slots. Two waiters who arrive while
// the bucket changes may put one lock in two slots: a waiter leaves the slot it
// entered, and a charge sums over all of them.
//
// A waiter who never comes back (a signal handler's siglongjmp out of a mutex
// wait, asynchronous cancellation) leaves its part behind, and the holders of
// that one lock are charged for it too. That ends with the next waiter who
// finds the lock taken but nobody waiting (a real waiter would have marked it)
// and an entry that no charge has touched for STALE_UNITS.
#include "preload/contention.h"

#include "preload/sys.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

typedef unsigned __int128 word_t;

#define SLOTS	     1024u
#define LG_BUCKETS   7
#define BUCKET_SLOTS 8u
#define UNIT_LG_NS   10
#define TIME_BITS    36
#define TIME_MASK    ((1ull << TIME_BITS) - 1)
#define WAITERS_BITS 12
#define WAITERS_MAX  ((1u << WAITERS_BITS) - 1)
#define KEY_BITS     44
#define KEY_LG_ALIGN 3
#define KEY_SHIFT    (2 * TIME_BITS + WAITERS_BITS)
#define STALE_UNITS  ((1000ull * 1000 * 1000) >> UNIT_LG_NS)
#define TABLE_ALIGN  4096
// Each failed swap is another thread's success: this many in a row mean that
// something else is wrong.
#define TRIES		1000
#define HASH_MULTIPLIER 0x9e3779b97f4a7c15ull

static_assert(KEY_SHIFT + KEY_BITS == 128, "an entry is one word");
static_assert(SLOTS == BUCKET_SLOTS << LG_BUCKETS, "whole buckets");

// Not _Atomic: C has no lock-free atomic of this size here. Changed by
// sys_cas128 only, read by halves, and believed only when a swap has confirmed
// it. Whole pages of its own, for MADV_WIPEONFORK.
static _Alignas(TABLE_ALIGN) word_t x_slots[SLOTS];
static_assert(sizeof(x_slots) % TABLE_ALIGN == 0, "whole pages");

struct entry {
	uint64_t key;
	uint64_t base, sum;
	uint32_t n;
};

static word_t pack(const struct entry *e)
{
	return (word_t)e->key << KEY_SHIFT | (word_t)e->n << (2 * TIME_BITS) |
	       (word_t)e->base << TIME_BITS | e->sum;
}

static struct entry unpack(word_t w)
{
	return (struct entry){
		.key = (uint64_t)(w >> KEY_SHIFT),
		.n = (uint32_t)(w >> (2 * TIME_BITS)) & WAITERS_MAX,
		.base = (uint64_t)(w >> TIME_BITS) & TIME_MASK,
		.sum = (uint64_t)w & TIME_MASK,
	};
}

static uint64_t high_half(uint32_t slot)
{
	return __atomic_load_n((const uint64_t *)&x_slots[slot] + 1,
			       __ATOMIC_RELAXED);
}

// May be half old and half new: then the swap that follows fails.
static word_t load(uint32_t slot)
{
	uint64_t low = __atomic_load_n((const uint64_t *)&x_slots[slot],
				       __ATOMIC_RELAXED);

	return (word_t)high_half(slot) << 64 | low;
}

static bool swap(uint32_t slot, word_t from, const struct entry *to)
{
	return sys_cas128(&x_slots[slot], &from, to->n ? pack(to) : 0);
}

static uint64_t key_of(const void *lock)
{
	return (uintptr_t)lock >> KEY_LG_ALIGN & ((1ull << KEY_BITS) - 1);
}

static uint32_t bucket_of(uint64_t key)
{
	return (uint32_t)(key * HASH_MULTIPLIER >> (64 - LG_BUCKETS)) *
	       BUCKET_SLOTS;
}

static uint64_t units_of(uint64_t ns)
{
	return ns >> UNIT_LG_NS & TIME_MASK;
}

// max(t, base) - base, where the two are within half the range of each other.
static uint64_t after_base(uint64_t t, uint64_t base)
{
	uint64_t d = (t - base) & TIME_MASK;

	return d >> (TIME_BITS - 1) ? 0 : d;
}

// The first slot from FROM on in the bucket of KEY that holds HELD (0 = that is
// free), or the end of the bucket.
static uint32_t find(uint32_t from, uint64_t key, uint64_t held)
{
	uint32_t end = bucket_of(key) + BUCKET_SLOTS;

	while (from < end && high_half(from) >> (KEY_SHIFT - 64) != held)
		from++;
	return from;
}

int contention_init(void)
{
	return (int)sys_call(SYS_madvise, x_slots, sizeof(x_slots),
			     MADV_WIPEONFORK);
}

// What entry E becomes when a waiter of KEY who started at START joins it.
// False when it has no room for one more.
static bool join(struct entry *e, uint64_t key, uint64_t start, bool is_first)
{
	uint64_t since = after_base(start, e->base);

	if (!e->n || (is_first && since > STALE_UNITS)) {
		*e = (struct entry){.key = key, .n = 1, .base = start};
		return true;
	}
	if (e->n == WAITERS_MAX || e->sum + since > TIME_MASK)
		return false;
	e->n++;
	e->sum += since;
	return true;
}

int contention_enter(const void *lock, bool is_first,
		     struct contention_wait *ret_wait)
{
	uint64_t now_ns = sys_now_ns(), key = key_of(lock);
	uint32_t first = bucket_of(key);

	*ret_wait = (struct contention_wait){.start_ns = now_ns};
	for (int i = 0; i < TRIES; i++) {
		uint32_t slot = find(first, key, key);
		struct entry e;
		word_t old;

		if (slot == first + BUCKET_SLOTS)
			slot = find(first, key, 0);
		if (slot == first + BUCKET_SLOTS)
			return -ENOSPC;
		old = load(slot);
		e = unpack(old);
		if (e.n && e.key != key)
			continue;
		if (!join(&e, key, units_of(now_ns), is_first))
			return -ENOSPC;
		if (swap(slot, old, &e)) {
			ret_wait->key = key;
			ret_wait->slot = slot;
			return 0;
		}
	}
	return -ENOSPC;
}

int contention_leave(const struct contention_wait *wait)
{
	uint64_t start = units_of(wait->start_ns);

	if (!wait->key)
		return 0;
	for (int i = 0; i < TRIES; i++) {
		word_t old = load(wait->slot);
		struct entry e = unpack(old);
		uint64_t part = after_base(start, e.base);

		// Dropped as stale, or wiped: this is a fork child.
		if (e.key != wait->key)
			return 0;
		e.n--;
		// Less than its part: it was dropped and then entered anew.
		e.sum = e.sum < part ? 0 : e.sum - part;
		if (swap(wait->slot, old, &e))
			return 0;
	}
	return -EAGAIN;
}

bool contention_is_waited(const void *lock)
{
	uint64_t key = key_of(lock);
	uint32_t first = bucket_of(key);

	return find(first, key, key) != first + BUCKET_SLOTS;
}

static uint64_t charge(uint32_t slot, uint64_t key)
{
	for (int i = 0; i < TRIES; i++) {
		word_t old = load(slot);
		struct entry e = unpack(old);
		uint64_t now, sum;

		if (e.key != key)
			return 0;
		// After the load: see the top of the file.
		now = units_of(sys_now_ns());
		sum = e.n * ((now - e.base) & TIME_MASK) - e.sum;
		e.base = now;
		e.sum = 0;
		if (swap(slot, old, &e))
			return sum >> 63 ? 0 : sum << UNIT_LG_NS;
	}
	return 0;
}

uint64_t contention_charge(const void *lock)
{
	uint64_t key = key_of(lock), delay_ns = 0;
	uint32_t end = bucket_of(key) + BUCKET_SLOTS;

	for (uint32_t slot = find(end - BUCKET_SLOTS, key, key); slot < end;
	     slot = find(slot + 1, key, key))
		delay_ns += charge(slot, key);
	return delay_ns;
}
