// SPDX-License-Identifier: Apache-2.0
//
// cprof.h: what a program may ask of the profiler it runs under.
#define CPROF_CALL(type, name, parameters, arguments, otherwise) \
	type name parameters;
#define CPROF_PROFILE_MAIN // only the functions
#include "preload/cprof.h"

#include "preload/labels.h"
#include "preload/objects.h"
#include "preload/ring.h"
#include "preload/sample.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/tick.h"
#include "proto/version.h"

#include <errno.h>
#include <string.h>

EXPORT const char *cprof_version(void)
{
	return CPROF_VERSION;
}

EXPORT int cprof_is_active(void)
{
	const struct region_control *c = state_control();

	return c && !atomic_load_explicit(&c->x_closed, memory_order_relaxed);
}

EXPORT int cprof_dump(void)
{
	return tick_request_snapshot() ? 0 : -ENOTCONN;
}

EXPORT unsigned cprof_label(const char *key, const char *value)
{
	uint32_t outside = labels_now;
	uint32_t inside = labels_add(outside, key, value);

	if (LIKELY(inside))
		labels_now = inside;
	else
		state_count(COUNTER_LABELS_FULL, 1);
	return outside;
}

EXPORT unsigned cprof_labels(void)
{
	return labels_now;
}

EXPORT unsigned cprof_labels_use(unsigned scope)
{
	uint32_t before = labels_now;

	labels_now = scope < LABEL_SETS_MAX ? scope : 0;
	return before;
}

EXPORT int cprof_mark(const char *text)
{
	int host_errno = errno;
	struct record r = {.type = RECORD_MARK, .labels = labels_now};
	int err = -ENOTCONN;

	if (!text)
		return -EINVAL;
	if (sample_ready() && !state_is_sandboxed()) {
		r.time_ns = sys_slow_now_ns();
		err = ring_push_text(&r, text,
				     (uint32_t)strnlen(text,
						       LABEL_VALUE_MAX_BYTES));
	}
	errno = host_errno;
	return err && err != -ENOTCONN ? -EAGAIN : err;
}

EXPORT int cprof_profile(const char *name)
{
	return objects_profile(name);
}

EXPORT int cprof_profile_add(int profile, uint64_t key)
{
	return objects_add(profile, key);
}

EXPORT int cprof_profile_remove(int profile, uint64_t key)
{
	return objects_remove(profile, key);
}

EXPORT long cprof_profile_count(int profile)
{
	return objects_count(profile);
}

EXPORT int cprof_register_heap(const char *name)
{
	return objects_heap(name);
}

EXPORT int cprof_heap_alloc(int heap, const void *p, size_t n_bytes)
{
	return objects_alloc(heap, p, n_bytes);
}

EXPORT int cprof_heap_free(int heap, const void *p)
{
	return objects_free(heap, p);
}

EXPORT int cprof_heap_pause(int is_paused)
{
	int was_paused = (self.flags & THREAD_PAUSED) != 0;

	if (is_paused)
		state_set_flags(THREAD_PAUSED);
	else
		state_clear_flags(THREAD_PAUSED);
	return was_paused;
}
