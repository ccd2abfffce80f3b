// SPDX-License-Identifier: Apache-2.0
//
// One event a line, each made and written by jansson, so that names are escaped
// by a library and memory is needed for one event at a time.
#include "collector/chrome.h"

#include "collector/shown.h"
#include "collector/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#define NS_PER_US 1000.0
// A double of microseconds with a nanosecond's digits, up to 11 days.
#define DIGITS 15

struct writer {
	const struct trace *trace;
	const struct snap *snap;
	struct buf *out;
	bool has_events;
};

static int write_bytes(const char *bytes, size_t n_bytes, void *out)
{
	buf_put(out, bytes, n_bytes);
	return 0;
}

// Takes EVENT; NULL: there was no memory for it.
static void put(struct writer *w, json_t *event)
{
	if (w->has_events)
		buf_puts(w->out, ",\n");
	w->has_events = true;
	if (!event ||
	    json_dump_callback(event, write_bytes, w->out,
			       JSON_COMPACT | JSON_REAL_PRECISION(DIGITS)))
		w->out->error = w->out->error ? w->out->error : -ENOMEM;
	json_decref(event);
}

static double us(const struct writer *w, uint64_t time_ns)
{
	return (double)(time_ns - w->trace->begin_ns) / NS_PER_US;
}

// What is called so in the viewer: WHAT is process_name or thread_name.
static void put_name(struct writer *w, uint32_t tid, const char *what,
		     const char *name)
{
	put(w, json_pack("{s:s, s:s, s:I, s:I, s:{s:s}}", "ph", "M", "name",
			 what, "pid", (json_int_t)w->snap->pid, "tid",
			 (json_int_t)tid, "args", "name", name));
}

static json_t *stack_of(const struct writer *w, const struct trace_event *e)
{
	char text[SHOWN_STACK_BYTES];

	shown_stack(w->snap, e->stack, text);
	utf8_mend(text);
	return json_string(text);
}

static void put_wait(struct writer *w, const struct trace_event *e)
{
	uint64_t begin_ns = trace_wait_begin_ns(w->trace, e);
	json_t *args = json_pack("{s:o, s:I}", "stack", stack_of(w, e), "lock",
				 (json_int_t)e->lock);
	char holder[64];

	if (e->holder) {
		(void)snprintf(holder, sizeof(holder), "%u %s", e->holder,
			       shown_thread(w->snap, e->holder));
		(void)json_object_set_new(args, "holder", json_string(holder));
	}
	put(w, json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:f, s:o}", "ph", "X",
			 "name", trace_wait_name(e->wait), "cat", "lock", "pid",
			 (json_int_t)w->snap->pid, "tid", (json_int_t)e->tid,
			 "ts", us(w, begin_ns), "dur",
			 (double)(e->time_ns - begin_ns) / NS_PER_US, "args",
			 args));
}

// Takes ARGS.
static void put_instant(struct writer *w, const struct trace_event *e,
			const char *name, json_t *args)
{
	put(w, json_pack("{s:s, s:s, s:s, s:I, s:I, s:f, s:o}", "ph", "i", "s",
			 "t", "name", name, "pid", (json_int_t)w->snap->pid,
			 "tid", (json_int_t)e->tid, "ts", us(w, e->time_ns),
			 "args", args));
}

static void put_counter(struct writer *w, const struct trace_event *e,
			const char *name)
{
	put(w,
	    json_pack("{s:s, s:s, s:I, s:f, s:{s:I}}", "ph", "C", "name", name,
		      "pid", (json_int_t)w->snap->pid, "ts", us(w, e->time_ns),
		      "args", "bytes", (json_int_t)e->value));
}

static void put_unlock(struct writer *w, const struct trace_event *e)
{
	put_instant(w, e, "unlock",
		    json_pack("{s:o, s:I}", "stack", stack_of(w, e),
			      "others_waited_ns", (json_int_t)e->value));
}

static void put_one(struct writer *w, const struct trace_event *e)
{
	if (trace_has_stack(e) && e->stack >= w->snap->n_stacks)
		return;
	switch (e->type) {
	case TRACE_CPU:
		put_instant(w, e, "cpu sample",
			    json_pack("{s:o}", "stack", stack_of(w, e)));
		break;
	case TRACE_WAIT:
		put_wait(w, e);
		break;
	case TRACE_UNLOCK:
		put_unlock(w, e);
		break;
	case TRACE_BEGIN:
		put_instant(w, e, "thread begins", json_object());
		break;
	case TRACE_END:
		put_instant(w, e, "thread ends", json_object());
		break;
	case TRACE_HEAP:
		put_counter(w, e, "heap in use");
		break;
	case TRACE_RSS:
		put_counter(w, e, "resident memory");
		break;
	case TRACE_MARK:
		put_instant(w, e, trace_text(w->trace, e), json_object());
		break;
	}
}

// The last event that was written is the one before NEXT.
static void put_cut(struct writer *w, size_t next)
{
	const struct trace *t = w->trace;
	size_t n_cut = t->n_cut + (t->n - next);

	if (!n_cut)
		return;
	put(w, json_pack("{s:s, s:s, s:s, s:I, s:f, s:{s:I}}", "ph", "i", "s",
			 "p", "name", "trace is full: what follows is missing",
			 "pid", (json_int_t)w->snap->pid, "ts",
			 next ? us(w, t->events[next - 1].time_ns) : 0.0,
			 "args", "events_missing", (json_int_t)n_cut));
}

void chrome_write(const struct trace *trace, const struct snap *snap,
		  struct buf *ret)
{
	struct writer w = {.trace = trace, .snap = snap, .out = ret};
	size_t next;

	buf_puts(ret, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
	put_name(&w, snap->pid, "process_name", snap->comm);
	for (size_t i = 0; i < snap->n_threads; i++)
		if (snap->threads[i].tid < SNAP_TID_ENDED)
			put_name(&w, snap->threads[i].tid, "thread_name",
				 snap->threads[i].name);
	for (next = 0; next < trace->n && ret->n_bytes < TRACE_BYTES_MAX;
	     next++)
		put_one(&w, &trace->events[next]);
	put_cut(&w, next);
	buf_puts(ret, "\n]}\n");
}
