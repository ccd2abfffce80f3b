// SPDX-License-Identifier: Apache-2.0
//
// The counters of a session: the shim's, read from the region or as last sent,
// and the collector's own, from own.def.
#include "collector/own.h"

const struct own_info own_table[OWN_N] = {
#define OWN(id, name, is_loss, value, help) {name, is_loss, help},
#include "collector/own.def"
#undef OWN
};

const struct own_info own_shim_table[COUNTER_N] = {
#define COUNTER(id, name, is_loss, help) {name, is_loss, help},
#include "proto/counters.def"
#undef COUNTER
};

static uint64_t own_n_records(const struct proc *p)
{
	uint64_t n = 0;

	for (int i = 0; i < RECORD_N; i++)
		n += p->ingest.n_records[i];
	return n;
}

static uint32_t n_rings(const struct proc *p)
{
	return p->region ? p->region->size.n_stripes : 0;
}

static uint64_t own_n_bad(const struct proc *p)
{
	uint64_t n = p->n_bad_messages;

	for (uint32_t i = 0; i < n_rings(p); i++)
		n += p->rings[i].n_bad;
	return n;
}

static uint64_t own_n_resets(const struct proc *p)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < n_rings(p); i++)
		n += p->rings[i].n_resets;
	return n;
}

static uint64_t own_n_rows_full(const struct proc *p)
{
	uint64_t n = 0;

	for (int i = 0; i < AGG_N; i++)
		n += p->ingest.agg.tables[i].n_overflow;
	return n;
}

static struct unwind_stats own_unwind_stats(const struct proc *p)
{
	struct unwind_stats stats = {0};

	if (p->ingest.unwinder)
		unwind_stats(p->ingest.unwinder, &stats);
	return stats;
}

static uint64_t own_n_images_refused(const struct proc *p)
{
	return p->ingest.images ? images_refused(p->ingest.images) : 0;
}

uint64_t own_counter(const struct proc *p, enum own_counter counter)
{
	switch (counter) {
#define OWN(id, name, is_loss, value, help) \
	case OWN_##id:                      \
		return value;
#include "collector/own.def"
#undef OWN
	case OWN_N:
		break;
	}
	return 0;
}

uint64_t own_shim_counter(const struct proc *p, enum region_counter counter)
{
	if (!p->region)
		return p->ingest.counters[counter];
	if (p->is_closed)
		return p->closed_counters[counter];
	return atomic_load_explicit(&p->region->status->x_counters[counter],
				    memory_order_relaxed);
}

uint64_t own_n_lost(const struct proc *p)
{
	uint64_t n = 0;

	for (int i = 0; i < COUNTER_N; i++)
		if (own_shim_table[i].is_loss)
			n += own_shim_counter(p, (enum region_counter)i);
	for (int i = 0; i < OWN_N; i++)
		if (own_table[i].is_loss)
			n += own_counter(p, (enum own_counter)i);
	return n;
}

uint64_t own_n_settled(const struct proc *p)
{
	return own_n_records(p) + own_n_bad(p) + p->ingest.n_unknown_records +
	       own_shim_counter(p, COUNTER_GONE);
}

double own_overhead_pct(const struct proc *p)
{
	double up_ns = (double)(pool_now_ns() - p->attached_ns);
	double spent_ns = (double)own_shim_counter(p, COUNTER_OVERHEAD_NS);

	return up_ns > 0 ? 100 * spent_ns / up_ns : 0;
}
