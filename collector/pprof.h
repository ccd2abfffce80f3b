// SPDX-License-Identifier: Apache-2.0
//
// Writes a snapshot as pprof's profile.proto, gzip'ed: names, files, lines and
// inlined frames are inside, so that nobody needs the binary to read it. Which
// frames are left out: the shim's own, and for heap kinds the entry points of
// the allocator (malloc, operator new, ...), so that the leaf is their caller.
// Any thread; slow (symbols, compression): never the thread that reads rings.
#ifndef CPROF_COLLECTOR_PPROF_H
#define CPROF_COLLECTOR_PPROF_H

#include "collector/buf.h"
#include "collector/snap.h"

struct Perftools__Profiles__Profile;

// Appends the profile to RET. 0, or -ENOMEM with RET in its error state.
int pprof_write(const struct snap *snap, struct buf *ret);

// The same profile in another form: FN appends the message to RET and returns 0
// or negative errno.
typedef int (*pprof_fn)(const void *context,
			const struct Perftools__Profiles__Profile *profile,
			struct buf *ret);
int pprof_form(const struct snap *snap, pprof_fn fn, const void *context,
	       struct buf *ret);

#endif
