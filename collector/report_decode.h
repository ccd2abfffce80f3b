// SPDX-License-Identifier: Apache-2.0
//
// Bytes of pprof's protobuf to a profile. The bytes are anybody's: every
// index and id is checked, nothing is allocated from a length that isn't backed
// by bytes, and what is wrong is said with the place. One thread.
#ifndef CPROF_COLLECTOR_REPORT_DECODE_H
#define CPROF_COLLECTOR_REPORT_DECODE_H

#include "collector/report_error.h"
#include "collector/report_profile.h"

// PROFILE is initialised and empty. 0, or -EBADMSG with the reason; then it
// holds some of it, to be freed as ever.
int report_decode(const uint8_t *bytes, size_t n_bytes,
		  struct report_profile *profile, struct report_error *error);

#endif
