// SPDX-License-Identifier: Apache-2.0
//
// cprof.h: what a program may ask of the profiler it runs under.
#include "preload/cprof.h"

#include "preload/state.h"
#include "preload/sys.h"
#include "preload/tick.h"
#include "proto/version.h"

#include <errno.h>

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
