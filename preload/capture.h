// SPDX-License-Identifier: Apache-2.0
//
// Where a sample was taken: registers, and which bytes of the stack are
// provably mapped. No unwinder, no lock, no loader, no system call: nothing to
// crash on. Any thread, async-signal-safe.
#ifndef CPROF_PRELOAD_CAPTURE_H
#define CPROF_PRELOAD_CAPTURE_H

#include "preload/arch.h"
#include "proto/record.h"

#include <stdbool.h>
#include <ucontext.h>

struct capture {
	uint64_t regs[RECORD_REGS]; // as in struct record_raw
	uint32_t stack_bytes;	    // readable from regs[RSP] up
	uint16_t flags;		    // RECORD_SIGNAL, _CUT, _FOREIGN
	// The place is behind a call: regs has rbp, rsp and pc only, enough for
	// a walk but not for a copy.
	bool is_return;
};

// Where a hook was called from, as far as its own frame tells: what
// capture_frame() needs, while the frame is there.
#define CAPTURE_FRAME ((const uintptr_t *)__builtin_frame_address(0))
void capture_frame(struct capture *c, const uintptr_t *frame);

// The present context of the caller, whose frame stays until the bytes are
// copied: hence a macro of one asm, not a function.
#define capture_here(c)                       \
	do {                                  \
		(c)->is_return = false;       \
		capture_registers((c)->regs); \
		capture_bound((c), 0);        \
	} while (0)

// The context a signal interrupted.
void capture_context(struct capture *c, const ucontext_t *uc);

// Only the address PC: a place without a stack.
void capture_pc(struct capture *c, uintptr_t pc);

// Fills in stack_bytes and the flags for regs[RSP], FLAGS being known already.
// Bounds: up to the thread's stack end when sp lies in its stack, else to the
// end of sp's page, which is mapped since sp points into it (capture_context
// makes sure that it does); at most the copy limit in force.
void capture_bound(struct capture *c, uint16_t flags);

// Callee-saved registers, sp and pc at the point of use. The rest are 0: CFI
// outside of signal frames never refers to them.
#define capture_registers(regs)                                               \
	do {                                                                  \
		uint64_t *capture_r = (regs);                                 \
		for (int capture_i = 0; capture_i < RECORD_REGS; capture_i++) \
			capture_r[capture_i] = 0;                             \
		arch_registers(capture_r);                                    \
	} while (0)

#endif
