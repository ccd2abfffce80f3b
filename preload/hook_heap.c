// SPDX-License-Identifier: Apache-2.0
//
// The C heap. An allocation counts its bytes down and is sampled when they run
// out; a free looks at the filter and, for the few blocks that may have been
// sampled, records the free BEFORE the memory is given back, since from then on
// the address may belong to somebody else. realloc takes the old block's entry
// out first and puts it back when the call fails.
//
// malloc_usable_size is left alone: blocks are exactly the allocator's own.
#include "preload/hook_heap.h"

#include "preload/live.h"
#include "preload/real.h"
#include "preload/state.h"
#include "preload/sys.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

COLD bool hook_heap_free(void *p)
{
	struct live_slot slot;
	int err = errno;

	if (real_is_boot(p))
		return false;
	if (live_take(p, &slot))
		sample_free(&slot, p);
	errno = err;
	return true;
}

// NAME allocates N_BYTES. The way with a sample is a function of its own, so
// that the other one keeps nothing over a call and sets up no frame.
#define HOOK_ALLOC(name, params, args, n_bytes)                   \
	static COLD void *sampled_##name params                   \
	{                                                         \
		return hook_heap_sample(real.name args, n_bytes); \
	}                                                         \
	EXPORT void *name params                                  \
	{                                                         \
		if (UNLIKELY(hook_heap_is_due(n_bytes)))          \
			return sampled_##name args;               \
		return real.name args;                            \
	}

HOOK_ALLOC(malloc, (size_t n), (n), n)
// A product that overflows comes with NULL, which is no sample.
HOOK_ALLOC(calloc, (size_t n, size_t size), (n, size), n *size)
HOOK_ALLOC(aligned_alloc, (size_t align, size_t n), (align, n), n)
HOOK_ALLOC(memalign, (size_t align, size_t n), (align, n), n)
HOOK_ALLOC(valloc, (size_t n), (n), n)
HOOK_ALLOC(pvalloc, (size_t n), (n), n)

EXPORT void free(void *p)
{
	if (hook_heap_may_free(p))
		real.free(p);
}

// C23's, not in this libc's headers yet.
EXPORT void free_sized(void *p, size_t n);
EXPORT void free_aligned_sized(void *p, size_t align, size_t n);

EXPORT void free_sized(void *p, size_t n)
{
	(void)n;
	free(p);
}

EXPORT void free_aligned_sized(void *p, size_t align, size_t n)
{
	(void)align;
	(void)n;
	free(p);
}

// A function of its own, so that the others need no frame.
static COLD int sampled_posix_memalign(void *p, size_t n)
{
	sample_alloc(p, n, CAPTURE_FRAME);
	return 0;
}

EXPORT int posix_memalign(void **ret, size_t align, size_t n)
{
	int err = real.posix_memalign(ret, align, n);

	if (!err && UNLIKELY(hook_heap_is_due(n)))
		return sampled_posix_memalign(*ret, n);
	return err;
}

// A block of the boot arena moves to the real heap.
static COLD void *boot_realloc(void *p, size_t n)
{
	size_t have = real_boot_bytes(p);
	void *q = malloc(n);

	if (q)
		sys_copy(q, p, have < n ? have : n);
	return q;
}

// The old block may have been sampled. While the real call runs its entry is
// out of the table, so that another thread may get and sample the same address.
static COLD void *realloc_sampled(void *p, size_t n)
{
	struct live_slot slot;
	bool is_live = live_take(p, &slot);
	void *q = real.realloc(p, n);
	int err = errno;

	if (!is_live)
		return q;
	// NULL for n == 0 means freed, for any other n that P lives on.
	if (!q && n)
		live_restore(&slot, p);
	else
		sample_free(&slot, p);
	errno = err;
	return q;
}

static COLD void *slow_realloc(void *p, size_t n)
{
	void *q;

	if (!live_maybe(p))
		q = real.realloc(p, n);
	else if (real_is_boot(p))
		return boot_realloc(p, n);
	else
		q = realloc_sampled(p, n);
	return UNLIKELY(hook_heap_is_due(n)) ? hook_heap_sample(q, n) : q;
}

EXPORT void *realloc(void *p, size_t n)
{
	if (UNLIKELY(live_maybe(p)) || UNLIKELY(hook_heap_is_due(n)))
		return slow_realloc(p, n);
	return real.realloc(p, n);
}

// As libc's: a product that overflows fails before anything is touched.
EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}
