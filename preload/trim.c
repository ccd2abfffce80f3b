// SPDX-License-Identifier: Apache-2.0
//
// Whose malloc ours stands before is known by the object that both it and
// malloc_trim lie in: _dl_find_object takes no lock.
#include "preload/trim.h"

#include "preload/real.h"
#include "preload/sys.h"

#include <dlfcn.h>
#include <malloc.h>

// Not in every libc.
#pragma weak _dl_find_object
#pragma weak malloc_trim

static bool is_libcs_heap(void)
{
	struct dl_find_object heap, trim;

	return _dl_find_object && malloc_trim &&
	       !_dl_find_object((void *)real.malloc, &heap) &&
	       !_dl_find_object((void *)malloc_trim, &trim) &&
	       heap.dlfo_map_start == trim.dlfo_map_start;
}

void trim_init(void)
{
	if (!is_libcs_heap())
		state_note_foreign_heap();
}

static enum region_trim give_back(void)
{
	if (state_is_sandboxed())
		return REGION_TRIM_SANDBOXED;
	if (!is_libcs_heap())
		return REGION_TRIM_FOREIGN;
	(void)malloc_trim(0); // 0: there was nothing
	return REGION_TRIM_DONE;
}

COLD void trim_serve(void)
{
	struct region_status *s = state.status;
	uint32_t asked = atomic_load_explicit(&state_control()->x_trim_asked,
					      memory_order_relaxed);

	// relaxed: who sees it first does it; nothing else is handed over
	if (atomic_exchange_explicit(&s->x_trim_taken, asked,
				     memory_order_relaxed) == asked)
		return;
	atomic_store_explicit(&s->x_trim_result, give_back(),
			      memory_order_relaxed);
	// release: pairs with the collector's acquire: the result is there
	atomic_store_explicit(&s->x_trim_served, asked, memory_order_release);
}
