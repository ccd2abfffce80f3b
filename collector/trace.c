// SPDX-License-Identifier: Apache-2.0
//
// A list that is sorted at the end: rings are read one after the other.
#include "collector/trace.h"

#include "collector/mem.h"
#include "collector/utf8.h"

#include <stdlib.h>
#include <string.h>

void trace_add(struct trace *t, const struct trace_event *e)
{
	struct trace_event *list;

	if (e->time_ns < t->begin_ns)
		return;
	if (t->n >= TRACE_EVENTS_MAX) {
		t->n_cut++;
		return;
	}
	list = mem_grow(t->events, &t->capacity, t->n + 1, sizeof(*list));
	if (!list) {
		t->n_cut++;
		return;
	}
	t->events = list;
	list[t->n++] = *e;
}

void trace_add_mark(struct trace *t, struct trace_event *mark, const char *text,
		    size_t n_bytes)
{
	size_t at = t->texts.n_bytes, n = strnlen(text, n_bytes);

	if (mark->time_ns < t->begin_ns)
		return;
	if (t->n >= TRACE_EVENTS_MAX || n_bytes >= TRACE_TEXTS_MAX_BYTES - at) {
		t->n_cut++;
		return;
	}
	buf_put(&t->texts, text, n);
	buf_put(&t->texts, "", 1);
	if (buf_error(&t->texts)) {
		t->n_cut++;
		return;
	}
	utf8_mend(t->texts.data + at);
	mark->value = at;
	trace_add(t, mark);
}

const char *trace_text(const struct trace *t, const struct trace_event *mark)
{
	return t->texts.data + mark->value;
}

static int compare_times(const void *a, const void *b)
{
	const struct trace_event *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

void trace_sort(struct trace *t)
{
	if (t->n)
		qsort(t->events, t->n, sizeof(*t->events), compare_times);
}

bool trace_has_stack(const struct trace_event *e)
{
	return e->type == TRACE_CPU || e->type == TRACE_WAIT ||
	       e->type == TRACE_UNLOCK;
}

const char *trace_wait_name(enum record_wait wait)
{
	static const char *const names[WAIT_N] = {
		[WAIT_NONE] = "wait",	     [WAIT_MUTEX] = "mutex lock",
		[WAIT_READ] = "rwlock read", [WAIT_WRITE] = "rwlock write",
		[WAIT_COND] = "condition",   [WAIT_SEM] = "semaphore",
		[WAIT_BARRIER] = "barrier",  [WAIT_JOIN] = "join",
	};

	return names[wait < WAIT_N ? wait : WAIT_NONE];
}

uint64_t trace_wait_begin_ns(const struct trace *t,
			     const struct trace_event *wait)
{
	return wait->value < wait->time_ns - t->begin_ns
		       ? wait->time_ns - wait->value
		       : t->begin_ns;
}

void trace_fini(struct trace *t)
{
	free(t->events);
	buf_fini(&t->texts);
	*t = (struct trace){0};
}
