// SPDX-License-Identifier: Apache-2.0
//
// Mapping the region that a collector hands over (proto/region.h). Only who
// attaches (state.x_attaching) may call this; async-signal-safe.
#ifndef CPROF_PRELOAD_MAPPING_H
#define CPROF_PRELOAD_MAPPING_H

#include "proto/region.h"

// Maps the region FD; over the one there is, so that threads in the middle of a
// push never see it go: the same layout, or no deal. The old live table stays,
// and what nobody has read is kept (former.h). Returns the control page, NULL
// when it can't be mapped or is not sane; FD stays the caller's.
struct region_control *mapping_make(int fd);

#endif
