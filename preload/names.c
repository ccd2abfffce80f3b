// SPDX-License-Identifier: Apache-2.0
//
// An entry is claimed, filled in and marked ready, once.
#include "preload/names.h"

#include "preload/state.h"
#include "preload/sys.h"
#include "proto/limits.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define YIELDS_MAX 1000

enum { NAME_FREE, NAME_CLAIMED, NAME_READY };

struct name {
	// CAS to CLAIMED, release to READY: pairs with find's acquire.
	_Atomic uint32_t x_state;
	_Atomic uint32_t x_sent; // token of the collector that knows it
	char text[PROFILE_NAME_MAX_BYTES + 1];
};

static struct name names[NAMES_LISTS][PROFILES_MAX];

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

int names_add(enum names_list list, const char *name)
{
	if (!is_name(name))
		return -EINVAL;
	for (uint32_t i = 0; i < PROFILES_MAX; i++) {
		struct name *n = &names[list][i];
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

const char *names_get(enum names_list list, int number)
{
	struct name *n;

	if (number < 1 || number > (int)PROFILES_MAX)
		return NULL;
	n = &names[list][number - 1];
	return atomic_load_explicit(&n->x_state, memory_order_acquire) ==
			       NAME_READY
		       ? n->text
		       : NULL;
}

bool names_is_sent(int profile, uint32_t token)
{
	return atomic_load_explicit(&names[NAMES_PROFILES][profile - 1].x_sent,
				    memory_order_relaxed) == token;
}

void names_set_sent(int profile, uint32_t token)
{
	atomic_store_explicit(&names[NAMES_PROFILES][profile - 1].x_sent, token,
			      memory_order_relaxed);
}
