// SPDX-License-Identifier: Apache-2.0
//
// Open addressing; nothing is ever taken out.
#include "collector/report_index.h"

#include "collector/report_mem.h"

#include <stdlib.h>

#define FIRST_SLOTS 256

void report_index_fini(struct report_index *x)
{
	free(x->slots);
	*x = (struct report_index){0};
}

uint32_t report_index_find(const struct report_index *x, uint64_t hash,
			   report_index_same_fn *same, void *arg)
{
	if (!x->n_slots)
		return UINT32_MAX;
	for (size_t at = hash & (x->n_slots - 1); x->slots[at].value;
	     at = (at + 1) & (x->n_slots - 1))
		if (x->slots[at].hash == hash &&
		    same(arg, x->slots[at].value - 1))
			return x->slots[at].value - 1;
	return UINT32_MAX;
}

static void put(struct report_index *x, struct report_index_slot slot)
{
	size_t at = slot.hash & (x->n_slots - 1);

	while (x->slots[at].value)
		at = (at + 1) & (x->n_slots - 1);
	x->slots[at] = slot;
}

static void grow(struct report_index *x)
{
	struct report_index bigger = {.n_slots = x->n_slots ? 2 * x->n_slots
							    : FIRST_SLOTS,
				      .count = x->count};

	bigger.slots = report_mem_zero(bigger.n_slots, sizeof(*bigger.slots));
	for (size_t i = 0; i < x->n_slots; i++)
		if (x->slots[i].value)
			put(&bigger, x->slots[i]);
	free(x->slots);
	*x = bigger;
}

void report_index_add(struct report_index *x, uint64_t hash, uint32_t value)
{
	if (3 * (x->count + 1) > 2 * x->n_slots)
		grow(x);
	put(x, (struct report_index_slot){hash, value + 1});
	x->count++;
}
