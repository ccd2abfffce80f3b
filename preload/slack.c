// SPDX-License-Identifier: Apache-2.0
//
// By MADV_DONTNEED, which takes pages out of a shared mapping and leaves them
// in the file. A stripe is as good as another for it: one whose threads have
// ended has nobody else to do it.
#include "preload/slack.h"

#include "preload/state.h"
#include "preload/sys.h"

#include <sys/mman.h>

// What a stripe may keep.
#define KEPT_BYTES (STRIPE_WINDOW_BYTES + STRIPE_WINDOW_BYTES / 2)

static uintptr_t page_of(uintptr_t at)
{
	return at & ~(uintptr_t)(REGION_PAGE - 1);
}

// Of more stripes than are asked each has its turn, as the positions go on.
static struct stripe *another(const struct stripe *s)
{
	uint64_t head = atomic_load_explicit(&s->x_head, memory_order_relaxed);
	uint64_t i = head / STRIPE_WINDOW_BYTES % state_n_ready();

	return (struct stripe *)(state.stripes + i * state.stripe_step_bytes);
}

// The holder of another stripe may note more meanwhile: that it was a moment
// too late costs some pages until the next time.
static bool give_back(struct stripe *s)
{
	uint32_t n_bytes = atomic_exchange_explicit(&s->x_used_bytes, 0,
						    memory_order_relaxed);
	uintptr_t from = page_of((uintptr_t)s->data + KEPT_BYTES);
	uintptr_t to;

	if (!n_bytes)
		return false;
	// The collector could write that word: not a page beyond the stripe.
	if (n_bytes > state.stripe_step_bytes - sizeof(*s))
		n_bytes = (uint32_t)(state.stripe_step_bytes - sizeof(*s));
	to = page_of((uintptr_t)s->data + n_bytes);
	// EINVAL where the host has locked its memory: then it wants it so.
	(void)sys_call(SYS_madvise, from, to - from, MADV_DONTNEED);
	return true;
}

void slack_note(struct stripe *s, uint32_t used_bytes)
{
	if (used_bytes > KEPT_BYTES + REGION_PAGE) {
		if (used_bytes > atomic_load_explicit(&s->x_used_bytes,
						      memory_order_relaxed))
			atomic_store_explicit(&s->x_used_bytes, used_bytes,
					      memory_order_relaxed);
		return;
	}
	if (used_bytes >= STRIPE_WINDOW_BYTES / 2 && !state_is_sandboxed() &&
	    !give_back(s))
		(void)give_back(another(s));
}
