// SPDX-License-Identifier: Apache-2.0
//
// A bitmap of who has which slot. A slot is mapped when it is first taken: what
// is reserved for nobody would count all the same where the host locks its
// memory (mlockall).
#include "preload/altstack.h"

#include "preload/state.h"
#include "preload/sys.h"

#include <sys/mman.h>

// The kernel's frame is 3.4 KiB with AVX-512 and 11 KiB with AMX; our handler
// comes on top, and so does a host's that asks for an alternate stack without
// ever giving one: so a slot is large, and ends below in a page that faults.
#define SLOT_BYTES  (256u << 10)
#define GUARD_BYTES 4096u
#define N_SLOTS	    256u
#define N_WORDS	    (N_SLOTS / 64)

static _Atomic uint64_t x_taken[N_WORDS];
// Where they are mapped, 0 = nowhere yet; they stay. Relaxed: who has taken a
// slot maps it, and who is asked about a stack has it from us.
static _Atomic uintptr_t x_slots[N_SLOTS];

bool altstack_is_ours(const stack_t *ss)
{
	for (uint32_t i = 0; i < N_SLOTS; i++) {
		uintptr_t at =
			atomic_load_explicit(&x_slots[i], memory_order_relaxed);

		if (at && (uintptr_t)ss->ss_sp - at < SLOT_BYTES)
			return true;
	}
	return false;
}

// A slot number + 1, or 0 when all are taken.
static uint32_t take(void)
{
	for (uint32_t w = 0; w < N_WORDS; w++) {
		uint64_t bits =
			atomic_load_explicit(&x_taken[w], memory_order_relaxed);

		while (~bits) {
			uint64_t bit = ~bits & -~bits;

			// acquire: pairs with give's release: the last user
			// of the stack has left it
			if (atomic_compare_exchange_weak_explicit(
				    &x_taken[w], &bits, bits | bit,
				    memory_order_acquire, memory_order_relaxed))
				return w * 64 + (uint32_t)__builtin_ctzll(bit) +
				       1;
		}
	}
	return 0;
}

static void give(uint32_t slot)
{
	atomic_fetch_and_explicit(&x_taken[(slot - 1) / 64],
				  ~(1ull << (slot - 1) % 64),
				  memory_order_release);
}

// Under mlockall(MCL_FUTURE) a new mapping is locked, and all that can be
// written is made present: only what a signal touches is needed.
static uintptr_t map_slot(void)
{
	long at = sys_call(SYS_mmap, 0, SLOT_BYTES, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at < 0 && at > -4096)
		return 0;
	(void)sys_call(SYS_munlock, at, SLOT_BYTES);
	if (!sys_call(SYS_mprotect, at + GUARD_BYTES, SLOT_BYTES - GUARD_BYTES,
		      PROT_READ | PROT_WRITE))
		return (uintptr_t)at;
	(void)sys_call(SYS_munmap, at, SLOT_BYTES);
	return 0;
}

// Where SLOT is, which is ours; 0: nowhere.
static uintptr_t find_slot(uint32_t slot)
{
	_Atomic uintptr_t *x = &x_slots[slot - 1];
	uintptr_t at = atomic_load_explicit(x, memory_order_relaxed);

	if (!at) {
		at = map_slot();
		atomic_store_explicit(x, at, memory_order_relaxed);
	}
	return at;
}

static bool has_none(void)
{
	stack_t ss;

	return !sys_call(SYS_sigaltstack, 0, &ss) && ss.ss_flags & SS_DISABLE;
}

void altstack_install(bool is_new)
{
	stack_t ss = {.ss_size = SLOT_BYTES - GUARD_BYTES};
	uint32_t slot;
	uintptr_t at;

	if (!is_new && !has_none())
		return;
	slot = take();
	if (!slot)
		return;
	at = find_slot(slot);
	ss.ss_sp = (void *)(at + GUARD_BYTES);
	if (!at || sys_call(SYS_sigaltstack, &ss, 0)) {
		give(slot);
		return;
	}
	self.alt_slot = (uint16_t)slot;
}

void altstack_remove(void)
{
	stack_t off = {.ss_flags = SS_DISABLE}, before;

	if (!self.alt_slot)
		return;
	// EPERM: standing on it; then the slot is not given back
	if (sys_call(SYS_sigaltstack, &off, &before))
		return;
	// The host has put its own in place, past our hook: it stays.
	if (!altstack_is_ours(&before) && !(before.ss_flags & SS_DISABLE))
		(void)sys_call(SYS_sigaltstack, &before, 0);
	altstack_replaced();
}

void altstack_forked(void)
{
	uint32_t own = self.alt_slot;

	for (uint32_t w = 0; w < N_WORDS; w++)
		atomic_store_explicit(
			&x_taken[w],
			own && (own - 1) / 64 == w ? 1ull << (own - 1) % 64 : 0,
			memory_order_relaxed);
}

void altstack_replaced(void)
{
	if (self.alt_slot)
		give(self.alt_slot);
	self.alt_slot = 0;
}
