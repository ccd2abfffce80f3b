// SPDX-License-Identifier: Apache-2.0
//
// Profiles and heaps share one table of names: profiles from its front, heaps
// from its back. Names stay for good, also in fork children, whose profiles
// begin empty.
#include "preload/objects.h"

#include "preload/hook_heap.h"
#include "preload/labels.h"
#include "preload/live.h"
#include "preload/ring.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "proto/kind.h"
#include "proto/limits.h"

#include <errno.h>
#include <string.h>

#define YIELDS_MAX 1000
enum { NAME_FREE, NAME_CLAIMED, NAME_READY };

struct name {
	// CAS to CLAIMED, release to READY: pairs with find's acquire.
	_Atomic uint32_t x_state;
	_Atomic uint32_t x_sent; // token of the collector that knows it
	char text[PROFILE_NAME_MAX_BYTES + 1];
};

static struct name profiles[PROFILES_MAX];
static struct name heaps[PROFILES_MAX];

// Files, paths and labels are called so.
static bool is_name(const char *name)
{
	size_t n = strnlen(name, PROFILE_NAME_MAX_BYTES + 1);

	if (!n || n > PROFILE_NAME_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
		      (name[i] >= 'A' && name[i] <= 'Z') ||
		      (name[i] >= '0' && name[i] <= '9') || name[i] == '_' ||
		      name[i] == '-'))
			return false;
	return true;
}

// Others that are on their way with a name are waited for: it may be this one.
static bool is_same(struct name *n, const char *name)
{
	uint32_t now = NAME_CLAIMED;

	// Not for ever: who claimed it may be gone, left behind by a fork.
	for (int i = 0; i < YIELDS_MAX && now == NAME_CLAIMED; i++) {
		now = atomic_load_explicit(&n->x_state, memory_order_acquire);
		if (now == NAME_CLAIMED && !state_is_sandboxed())
			(void)sys_call(SYS_sched_yield);
	}
	return now == NAME_READY && !strcmp(n->text, name);
}

static int find_or_make(struct name *list, const char *name)
{
	for (uint32_t i = 0; i < PROFILES_MAX; i++) {
		struct name *n = &list[i];
		uint32_t unused = NAME_FREE;

		if (atomic_compare_exchange_strong_explicit(
			    &n->x_state, &unused, NAME_CLAIMED,
			    memory_order_relaxed, memory_order_relaxed)) {
			sys_copy(n->text, name, strlen(name) + 1);
			atomic_store_explicit(&n->x_state, NAME_READY,
					      memory_order_release);
			return (int)i + 1;
		}
		if (is_same(n, name))
			return (int)i + 1;
	}
	return -ENOSPC;
}

int objects_profile(const char *name)
{
	if (!name || !is_name(name) || kind_find(name, strlen(name)) >= 0)
		return -EINVAL;
	return find_or_make(profiles, name);
}

int objects_heap(const char *name)
{
	if (!name || !is_name(name))
		return -EINVAL;
	return find_or_make(heaps, name);
}

static struct name *get(struct name *list, int number)
{
	struct name *n;

	if (number < 1 || number > (int)PROFILES_MAX)
		return NULL;
	n = &list[number - 1];
	return atomic_load_explicit(&n->x_state, memory_order_acquire) ==
			       NAME_READY
		       ? n
		       : NULL;
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

static bool is_in(const void *object)
{
	struct live_slot slot;

	if (!live_maybe(object) || !live_take(object, &slot))
		return false;
	live_restore(&slot, object);
	return true;
}

// The name goes before the first object.
static int tell(int profile, struct name *n)
{
	struct record r = {.type = RECORD_PROFILE, .value = (uint32_t)profile};
	uint32_t token = state_collector_token();
	int err;

	if (LIKELY(atomic_load_explicit(&n->x_sent, memory_order_relaxed) ==
		   token))
		return 0;
	err = ring_push_text(&r, n->text, (uint32_t)strlen(n->text));
	if (!err)
		atomic_store_explicit(&n->x_sent, token, memory_order_relaxed);
	return err;
}

static void count(int profile, uint32_t by)
{
	atomic_fetch_add_explicit(&state.x_objects[profile - 1], by,
				  memory_order_relaxed);
}

static int add(int profile, struct name *n, uint64_t key)
{
	const void *object = object_of(profile, key);

	if (!sample_ready())
		return -ENOTCONN;
	if (is_in(object))
		return -EEXIST;
	if (tell(profile, n) || sample_object(object, (uint32_t)profile))
		return -EAGAIN;
	count(profile, 1);
	return 0;
}

int objects_add(int profile, uint64_t key)
{
	int host_errno = errno;
	struct name *n = get(profiles, profile);
	int err = n ? add(profile, n, key) : -EBADF;

	errno = host_errno;
	return err;
}

int objects_remove(int profile, uint64_t key)
{
	int host_errno = errno;
	const void *object = object_of(profile, key);
	struct live_slot slot;

	if (!get(profiles, profile))
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
	if (!get(profiles, profile))
		return -EBADF;
	return (long)atomic_load_explicit(&state.x_objects[profile - 1],
					  memory_order_relaxed);
}

static COLD void alloc_sampled(int heap, const struct name *n, const void *p,
			       size_t n_bytes)
{
	uint32_t labels = labels_add(labels_now, "heap", n->text);

	sample_block_of_heap(block_of(heap, p), n_bytes,
			     labels ? labels : labels_now);
}

int objects_alloc(int heap, const void *p, size_t n_bytes)
{
	struct name *n = get(heaps, heap);

	if (UNLIKELY(!n))
		return -EBADF;
	if (UNLIKELY(hook_heap_is_due(n_bytes)) && p)
		alloc_sampled(heap, n, p, n_bytes);
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

	if (UNLIKELY(!get(heaps, heap)))
		return -EBADF;
	if (UNLIKELY(live_maybe(block)))
		free_sampled(block);
	return 0;
}
