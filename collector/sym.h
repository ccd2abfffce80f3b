// SPDX-License-Identifier: Apache-2.0
//
// Names for addresses: function, file, line and the chain of inlined calls, by
// elfutils' libdw from DWARF (in the file or a separate debug file), else from
// the ELF symbol tables; C++ and Rust names demangled. Cached per build-id for
// all processes. Any thread; one lookup at a time (libdw is not thread-safe),
// never called by the thread that reads rings.
#ifndef CPROF_COLLECTOR_SYM_H
#define CPROF_COLLECTOR_SYM_H

#include "collector/image.h"

#include <stddef.h>

// Text is owned by the cache and lives as long as the collector.
struct sym_line {
	const char *name;	 // demangled
	const char *system_name; // as the linker has it
	const char *file;	 // "" when unknown
	int64_t line;		 // 0 when unknown
	int64_t start_line;	 // of the function, 0 when unknown
};

#define SYM_INLINE_MAX 64u

// The lines at ADDR (an address in the process, inside IM), innermost inlined
// function first, at most SYM_INLINE_MAX. Returns their number; 0 when the
// address has no name.
uint32_t sym_lookup(const struct image *im, uint64_t addr,
		    struct sym_line *ret_lines);

// Before the first look-up for a profile of these frames, whose image ids are
// indexes + 1: where debug files come from the network, asks for what they need
// and waits for it, for two seconds at most. Nobody else waits.
void sym_fetch(struct image *const *images, const struct frame *frames,
	       size_t n_frames, uint32_t n_images);

#endif
