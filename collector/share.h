// SPDX-License-Identifier: Apache-2.0
//
// One piece of work for all who want its result at the same time: who comes
// while it is being done has the next result, which is begun after that, so
// that nobody gets what is older than his question; and between two of them is
// a pause of many times what one costs, with the sending, so that those who ask
// without end cost a small part of one CPU. Who asks now and then never waits
// for it. Any thread.
#ifndef CPROF_COLLECTOR_SHARE_H
#define CPROF_COLLECTOR_SHARE_H

#include "collector/buf.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// Invariant: n_done <= n_begun <= n_done + 1.
struct share {
	pthread_mutex_t lock; // leaf; not held while the work is done
	pthread_cond_t changed;
	uint64_t n_begun;
	uint64_t n_done;
	bool has_leader; // somebody does the work, or waits to begin
	uint64_t not_before_ns;
	unsigned n_askers;
	struct buf result; // of the last one done, while somebody is there
	int err;
};

struct share_work {
	// Appends the result. 0 or negative errno.
	int (*make)(void *context, struct buf *ret);
	// True: whoever asks does not want it any more.
	bool (*is_abandoned)(void *context);
	void *context;
};

void share_init(struct share *s);
void share_fini(struct share *s);

// Appends a result that was begun after this call. 0; what make() returned; or
// -EPIPE: abandoned.
int share_get(struct share *s, const struct share_work *work, struct buf *ret);

#endif
