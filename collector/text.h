// SPDX-License-Identifier: Apache-2.0
//
// Writes a snapshot in the old text form that Go's debug=1 has: people read it,
// and pprof's tools parse it, to the same totals as the protobuf. The addresses
// of a record are return addresses; the names beside are comments to a parser,
// and so is what comes between the records and MAPPED_LIBRARIES. Labels are not
// in it, but in that of threads, as in Go: else the threads of a stack are
// added up. Not for cpu, which has no such
// form in Go. Slow, as pprof.h.
#ifndef CPROF_COLLECTOR_TEXT_H
#define CPROF_COLLECTOR_TEXT_H

#include "collector/buf.h"
#include "collector/snap.h"

// Appends the records, then COMMENTS (lines that begin with '#', or ""), then
// the mappings. 0, or -ENOMEM with RET in its error state.
int text_write(const struct snap *snap, const char *comments, struct buf *ret);

#endif
