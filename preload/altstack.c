// SPDX-License-Identifier: Apache-2.0
//
// A bitmap over one arena.
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

static unsigned char *arena; // constant after the constructor
static _Atomic uint64_t x_taken[N_WORDS];
static _Atomic uint64_t x_open[N_WORDS]; // those that can be read and written

void altstack_init(void)
{
	long at = sys_call(SYS_mmap, 0, SLOT_BYTES * N_SLOTS, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at > 0 || at < -4095)
		arena = (unsigned char *)at;
}

bool altstack_is_ours(const stack_t *ss)
{
	return arena && (uintptr_t)ss->ss_sp - (uintptr_t)arena <
				SLOT_BYTES * (uintptr_t)N_SLOTS;
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

// Makes the slot of SS usable; it stays so for those who come later.
static bool open_slot(uint32_t slot, const stack_t *ss)
{
	_Atomic uint64_t *x = &x_open[(slot - 1) / 64];
	uint64_t bit = 1ull << (slot - 1) % 64;

	// relaxed: only who has taken the slot asks, one after the other
	if (atomic_load_explicit(x, memory_order_relaxed) & bit)
		return true;
	if (sys_call(SYS_mprotect, ss->ss_sp, ss->ss_size,
		     PROT_READ | PROT_WRITE))
		return false;
	atomic_fetch_or_explicit(x, bit, memory_order_relaxed);
	return true;
}

static bool has_none(void)
{
	stack_t ss;

	return !sys_call(SYS_sigaltstack, 0, &ss) && ss.ss_flags & SS_DISABLE;
}

void altstack_install(bool is_new)
{
	stack_t ss;
	uint32_t slot;

	if (!arena || (!is_new && !has_none()))
		return;
	slot = take();
	if (!slot)
		return;
	ss = (stack_t){.ss_sp = arena + (slot - 1) * (size_t)SLOT_BYTES +
				GUARD_BYTES,
		       .ss_size = SLOT_BYTES - GUARD_BYTES};
	if (!open_slot(slot, &ss) || sys_call(SYS_sigaltstack, &ss, 0)) {
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

void altstack_replaced(void)
{
	if (self.alt_slot)
		give(self.alt_slot);
	self.alt_slot = 0;
}
