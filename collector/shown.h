// SPDX-License-Identifier: Apache-2.0
//
// What of a snapshot's stacks is shown to people in the forms that are not
// pprof's: the shim's own frames are not, and a frame without a symbol has a
// name that is made. Any thread; slow (symbols).
#ifndef CPROF_COLLECTOR_SHOWN_H
#define CPROF_COLLECTOR_SHOWN_H

#include "collector/snap.h"
#include "collector/sym.h"

#define SHOWN_NAME_BYTES  256
#define SHOWN_STACK_BYTES 512

// The image that F is in, NULL: none.
const struct image *shown_image(const struct snap *s, const struct frame *f);

// False for the shim's own.
bool shown_is(const struct snap *s, const struct frame *f);

// The names at F, innermost first, at most SYM_INLINE_MAX; at least one.
// RET_TEXT is for one that is made.
uint32_t shown_names(const struct snap *s, const struct frame *f,
		     char ret_text[SHOWN_NAME_BYTES],
		     struct sym_line *ret_lines);

// "leaf < caller < ..." of the innermost frames of STACK, cut at the end.
void shown_stack(const struct snap *s, uint32_t stack,
		 char ret[SHOWN_STACK_BYTES]);

// What the thread TID is called, "" when that is not known.
const char *shown_thread(const struct snap *s, uint32_t tid);

#endif
