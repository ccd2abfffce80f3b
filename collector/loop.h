// SPDX-License-Identifier: Apache-2.0
//
// The event loop: descriptors and what to call when they are ready. It owns
// nothing but the epoll descriptor; a watch is the caller's and must stay where
// it is while it is in the loop. Callbacks run in the thread that calls
// loop_wait(); loop_rearm() and loop_wake() may be called from any thread, the
// rest from the loop's thread only.
#ifndef CPROF_COLLECTOR_LOOP_H
#define CPROF_COLLECTOR_LOOP_H

#include <stdint.h>

typedef void (*loop_fn)(void *context, uint32_t events);

struct loop_watch {
	int fd;
	loop_fn fn;
	void *context;
};

struct loop {
	int epoll_fd;
	int wake_fd;
};

// 0 or negative errno.
int loop_init(struct loop *l);
void loop_fini(struct loop *l);

// EVENTS as epoll's. 0 or negative errno.
int loop_add(struct loop *l, struct loop_watch *w, uint32_t events);
int loop_rearm(struct loop *l, struct loop_watch *w, uint32_t events);
// Must come before the descriptor is closed.
void loop_remove(struct loop *l, struct loop_watch *w);

// Waits at most TIMEOUT_MS (-1: for ever) and serves one ready descriptor: a
// callback may remove any watch without a later one of the same batch being
// stale. 0, or negative errno.
int loop_wait(struct loop *l, int timeout_ms);

// Makes the present or the next loop_wait() return.
void loop_wake(struct loop *l);

#endif
