// SPDX-License-Identifier: Apache-2.0
//
// Gives back what a burst has left resident of the stripes. Their pages belong
// to the collector's file and stay there, allocated: so whoever comes back to
// them finds them, with what was in them, and no page can be missing. Only this
// process has them no longer mapped, until then.
//
// For who holds a stripe, so that no other region comes in between;
// async-signal-safe.
#ifndef CPROF_PRELOAD_SLACK_H
#define CPROF_PRELOAD_SLACK_H

#include "proto/region.h"

// All of S, which this thread holds, is read, and of its data USED_BYTES from
// the front were used since that was so the last time. After a time of few,
// gives back the rest of S, or of another stripe: one system call at most.
void slack_note(struct stripe *s, uint32_t used_bytes);

#endif
