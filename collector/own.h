// SPDX-License-Identifier: Apache-2.0
//
// The counters of a session: the shim's (proto/counters.def) and the
// collector's own (own.def), so that nothing is lost silently. Needs the
// session's lock.
#ifndef CPROF_COLLECTOR_OWN_H
#define CPROF_COLLECTOR_OWN_H

#include "collector/proc.h"

enum own_counter {
#define OWN(id, name, is_loss, value, help) OWN_##id,
#include "collector/own.def"
#undef OWN
	OWN_N
};

struct own_info {
	const char *name;
	bool is_loss;
	const char *help;
};

// Indexed by enum own_counter.
extern const struct own_info own_table[OWN_N];
// The shim's counters in the same form, indexed by enum region_counter.
extern const struct own_info own_shim_table[COUNTER_N];

uint64_t own_counter(const struct proc *p, enum own_counter counter);
uint64_t own_shim_counter(const struct proc *p, enum region_counter counter);

// The sum of all counters that mean a loss.
// Records that were read, or are said to be gone.
uint64_t own_n_settled(const struct proc *p);

uint64_t own_n_lost(const struct proc *p);

// Share of the time since the start spent taking samples, in per cent.
double own_overhead_pct(const struct proc *p);

#endif
