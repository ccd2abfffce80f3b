// SPDX-License-Identifier: Apache-2.0
//
// Bounds of the stack copy, and the registers of an interrupted context in
// DWARF's numbering.
#include "preload/capture.h"

#include "preload/state.h"
#include "preload/sys.h"

#include <errno.h>
#include <stdbool.h>

// Kernel frame and handlers together need less than this.
#define HANDLER_STACK_BYTES 16384u

// Copying from below sp + 0 is never needed: a function that keeps data in its
// red zone is a leaf, and its caller's CFI does not look there.
void capture_bound(struct capture *c, uint16_t flags)
{
	uintptr_t sp = c->regs[RECORD_REG_SP];
	const struct region_control *control = state_control();
	uint32_t limit = control ? control->stack_bytes : 0;
	uintptr_t end;

	if (limit > STACK_COPY_MAX_BYTES)
		limit = STACK_COPY_MAX_BYTES;
	if (sp >= self.stack_low && sp < self.stack_high) {
		end = self.stack_high;
	} else {
		end = (sp | (REGION_PAGE - 1)) + 1;
		flags |= RECORD_FOREIGN;
	}
	if (end - sp > limit) {
		end = sp + limit;
		flags |= RECORD_CUT;
	}
	c->stack_bytes = (uint32_t)(end - sp) & ~7u;
	c->flags = flags;
}

// The frame of a function that has a frame pointer, as gcc gives one to whoever
// asks for it.
void capture_frame(struct capture *c, const uintptr_t *frame)
{
	c->is_return = true;
	c->regs[RECORD_REG_FP] = frame[0];
	c->regs[RECORD_REG_PC] = frame[1];
	c->regs[RECORD_REG_SP] = (uintptr_t)(frame + 2);
	capture_bound(c, 0);
}

// True when memory at ADDR can be read. rt_sigprocmask(2) copies the set in
// before it looks at an impossible "how": EFAULT or EINVAL, and nothing else
// happens. In a sandbox nobody can tell.
static bool is_readable(uintptr_t addr)
{
	return !state_is_sandboxed() &&
	       sys_call(SYS_rt_sigprocmask, -1, addr, 0, 8) == -EINVAL;
}

// Code may use sp as a plain register. When the handler runs right below it
// the kernel has just written there; on an alternate stack that is not known.
static bool is_stack_pointer(uintptr_t sp)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return (sp >= self.stack_low && sp < self.stack_high) ||
	       (here < sp && sp - here < HANDLER_STACK_BYTES) ||
	       is_readable(sp);
}

void capture_context(struct capture *c, const ucontext_t *uc)
{
	arch_context(uc, c->regs);
	c->is_return = false;
	capture_bound(c, RECORD_SIGNAL);
	if (c->flags & RECORD_FOREIGN &&
	    !is_stack_pointer(c->regs[RECORD_REG_SP]))
		c->stack_bytes = 0;
}

void capture_pc(struct capture *c, uintptr_t pc)
{
	*c = (struct capture){.flags = RECORD_SIGNAL};
	c->regs[RECORD_REG_PC] = pc;
}
