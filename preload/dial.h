// SPDX-License-Identifier: Apache-2.0
//
// Connecting to the collector, and starting one where there is none. Raw calls
// only, async-signal-safe; one thread at a time, but for dial_once().
#ifndef CPROF_PRELOAD_DIAL_H
#define CPROF_PRELOAD_DIAL_H

#include <stdbool.h>
#include <stdint.h>

// A connection to whoever listens at NAME, if that is the same user or root;
// or negative errno.
int dial_once(const char *name);

// ERR of dial_once() means that nobody listens.
bool dial_is_nobody(int err);

// A connection to the collector, which is started when nobody answers, and
// waited for until UNTIL_NS. With 0 nothing is waited for: -EINPROGRESS means
// that there will be one soon.
int dial(uint64_t until_ns);

#endif
