// SPDX-License-Identifier: Apache-2.0
//
// Naive: cpu.h with libgcc's unwinder, which believes what it finds on the
// stack.
#include "test/hook/naive/cpu.h"

#include <unwind.h>

struct trace {
	void **frames;
	int n;
	int max;
};

static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *arg)
{
	struct trace *t = arg;

	if (t->n >= t->max)
		return _URC_END_OF_STACK;
	t->frames[t->n++] = (void *)_Unwind_GetIP(context);
	return _URC_NO_REASON;
}

static int naive_capture(void **frames, int max)
{
	struct trace t = {frames, 0, max};

	_Unwind_Backtrace(add_frame, &t);
	return t.n;
}
