// SPDX-License-Identifier: Apache-2.0
//
// From a hello to a session: checks who it is, ends the session that the same
// pid had (it exec'd), makes the new one and answers with its region or stream.
// attach_hello() in the loop's thread only.
#ifndef CPROF_COLLECTOR_ATTACH_H
#define CPROF_COLLECTOR_ATTACH_H

#include "collector/conn.h"
#include "collector/spare.h"
#include "collector/table.h"

#include <stdatomic.h>

struct attach {
	const struct proc_env *env;
	struct table *table;
	struct spare *spare;
	_Atomic unsigned x_n_making; // sessions whose region is being made
	_Atomic uint64_t x_make_ns;  // what the last large one took
};

// Answers H, which it takes over with all it holds.
void attach_hello(struct attach *a, struct conn_hello *h);

#endif
