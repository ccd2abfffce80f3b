// SPDX-License-Identifier: Apache-2.0
//
// The hello and its answer, over a connection to the collector. Raw calls only,
// async-signal-safe; one thread at a time.
#ifndef CPROF_PRELOAD_GREET_H
#define CPROF_PRELOAD_GREET_H

#include "preload/hello.h"
#include "proto/limits.h"

// Sends H with descriptors of our maps and mem. 0 or negative errno.
int greet_send(int fd, const struct hello *h);

// Waits until UNTIL_NS for one of EVENTS (poll's) on FD. False: none came.
bool greet_poll(int fd, int events, uint64_t until_ns);

// Waits until UNTIL_NS for something to read. False: nothing came.
bool greet_wait(int fd, uint64_t until_ns);

// Receives the answer: its WIRE_ type, or negative errno. RET_FDS, -1 each to
// begin with, are the descriptors that came with it.
int greet_receive(int fd, uint64_t until_ns, int ret_fds[WIRE_RING_FDS]);

#endif
