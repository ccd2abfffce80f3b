// SPDX-License-Identifier: Apache-2.0
//
// A profile as pprof's protobuf again, packed. One thread.
#ifndef CPROF_COLLECTOR_REPORT_PROTO_H
#define CPROF_COLLECTOR_REPORT_PROTO_H

#include "collector/report.h"
#include "collector/report_out.h"

// Writes it. 0, or a negative errno.
int report_proto(struct report *r, struct report_out *out,
		 struct report_error *error);

#endif
