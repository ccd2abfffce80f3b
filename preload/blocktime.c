// SPDX-License-Identifier: Apache-2.0
//
// Timing of waits. The clock is not read in a sandbox (under seccomp strict
// even the TSC faults), and a time under WAIT_MIN_NS is no wait: what sleeps in
// the kernel and is woken takes several microseconds, so this was a lock that
// became free, a thread that had ended, the last one to reach a barrier.
#include "preload/blocktime.h"

#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <stddef.h>

#define WAIT_MIN_NS 1000u

static bool is_nonzero(const _Atomic uint64_t *x_rate)
{
	return atomic_load_explicit(x_rate, memory_order_relaxed) != 0;
}

// The control page when the calling thread may time something, else NULL.
static const struct region_control *ready(void)
{
	if (state_is_sandboxed() || !sample_ready())
		return NULL;
	return state_control();
}

COLD bool blocktime_is_on(void)
{
	const struct region_control *control = ready();

	return control && (is_nonzero(&control->x_block_rate_ns) ||
			   is_nonzero(&control->x_mutex_fraction));
}

// A handler may look in between: since_ns says that the rest is there.
COLD void blocktime_note(enum record_wait wait, const void *lock,
			 uint32_t holder, uint64_t start_ns)
{
	waiting.since_ns = 0;
	atomic_signal_fence(memory_order_seq_cst);
	waiting.lock = (uintptr_t)lock;
	waiting.holder = holder;
	waiting.wait = (uint16_t)wait;
	atomic_signal_fence(memory_order_seq_cst);
	waiting.since_ns = start_ns;
}

COLD uint64_t blocktime_begin(enum record_wait wait, const void *lock)
{
	const struct region_control *control = ready();
	uint64_t start_ns;

	if (!control || !is_nonzero(&control->x_block_rate_ns))
		return 0;
	start_ns = sys_now_ns();
	blocktime_note(wait, lock, 0, start_ns);
	return start_ns;
}

static void sample_wait(uint64_t delay_ns)
{
	if (delay_ns >= WAIT_MIN_NS)
		sample_block(delay_ns);
}

COLD void blocktime_end(uint64_t start_ns)
{
	if (!start_ns)
		return;
	if (!state_is_sandboxed())
		sample_wait(sys_now_ns() - start_ns);
	waiting.since_ns = 0;
}
