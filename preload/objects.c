// SPDX-License-Identifier: Apache-2.0
//
// A fork child's profiles begin empty.
#include "preload/objects.h"

#include "preload/hook_heap.h"
#include "preload/labels.h"
#include "preload/live.h"
#include "preload/names.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "proto/kind.h"
#include "proto/limits.h"

#include <errno.h>
#include <string.h>

int objects_profile(const char *name)
{
	if (!name || kind_find(name, strlen(name)) >= 0)
		return -EINVAL;
	return names_add(NAMES_PROFILES, name);
}

int objects_heap(const char *name)
{
	return name ? names_add(NAMES_HEAPS, name) : -EINVAL;
}

// What the live table calls KEY of the SPACE-th profile or heap: no pointer,
// since the uppermost bit is the kernel's half, and a multiple of 8. Different
// keys share a name once in 2^60.
static const void *name_of(uint32_t space, uint64_t key)
{
	uint64_t h = key * 0x9e3779b97f4a7c15ull + space;

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	return (const void *)(uintptr_t)((h | 1ull << 63) & ~7ull);
}

static const void *object_of(int profile, uint64_t key)
{
	return name_of((uint32_t)profile, key);
}

static const void *block_of(int heap, const void *p)
{
	return name_of(PROFILES_MAX + (uint32_t)heap, (uintptr_t)p);
}

static void count(int profile, uint32_t by)
{
	atomic_fetch_add_explicit(&state.x_objects[profile - 1], by,
				  memory_order_relaxed);
}

static int add(int profile, uint64_t key)
{
	const void *object = object_of(profile, key);
	int err;

	if (!sample_ready())
		return -ENOTCONN;
	if (live_maybe(object) && live_has(object))
		return -EEXIST;
	err = sample_object(object, (uint32_t)profile);
	if (err)
		return err == -EEXIST ? err : -EAGAIN;
	count(profile, 1);
	return 0;
}

int objects_add(int profile, uint64_t key)
{
	int host_errno = errno;
	int err =
		names_get(NAMES_PROFILES, profile) ? add(profile, key) : -EBADF;

	errno = host_errno;
	return err;
}

int objects_remove(int profile, uint64_t key)
{
	int host_errno = errno;
	const void *object = object_of(profile, key);
	struct live_slot slot;

	if (!names_get(NAMES_PROFILES, profile))
		return -EBADF;
	if (!live_maybe(object) || !live_take(object, &slot))
		return -ENOENT;
	sample_free(&slot, object);
	count(profile, (uint32_t)-1);
	errno = host_errno;
	return 0;
}

long objects_count(int profile)
{
	if (!names_get(NAMES_PROFILES, profile))
		return -EBADF;
	return (long)atomic_load_explicit(&state.x_objects[profile - 1],
					  memory_order_relaxed);
}

static COLD void alloc_sampled(int heap, const char *name, const void *p,
			       size_t n_bytes)
{
	uint32_t labels = labels_add(labels_now, "heap", name);

	sample_block_of_heap(block_of(heap, p), n_bytes,
			     labels ? labels : labels_now);
}

int objects_alloc(int heap, const void *p, size_t n_bytes)
{
	const char *name = names_get(NAMES_HEAPS, heap);

	if (UNLIKELY(!name))
		return -EBADF;
	if (UNLIKELY(hook_heap_is_due(n_bytes)) && p)
		alloc_sampled(heap, name, p, n_bytes);
	return 0;
}

static COLD void free_sampled(const void *block)
{
	int host_errno = errno;
	struct live_slot slot;

	if (live_take(block, &slot))
		sample_free(&slot, block);
	errno = host_errno;
}

int objects_free(int heap, const void *p)
{
	const void *block = block_of(heap, p);

	if (UNLIKELY(!names_get(NAMES_HEAPS, heap)))
		return -EBADF;
	if (UNLIKELY(live_maybe(block)))
		free_sampled(block);
	return 0;
}
