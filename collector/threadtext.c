// SPDX-License-Identifier: Apache-2.0
//
// It is read by people and by tools made for Go's, so what Go has not stands
// where they expect something: in the brackets behind a thread's number.
#include "collector/threadtext.h"

#include "collector/shown.h"
#include "collector/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S 1000000000u

// The frames of stack ID that are shown. Never none: there is at least a pseudo
// frame in each stack.
struct frames {
	const struct frame *list;
	uint32_t n;
};

static struct frames frames_of(const struct snap *s, uint32_t stack)
{
	const struct snap_stack *st = &s->stacks[stack];

	return (struct frames){s->frames + st->first, st->n};
}

static const char *file_of(const struct snap *s, const struct frame *f,
			   const struct sym_line *line)
{
	const struct image *im = shown_image(s, f);

	if (*line->file)
		return line->file;
	return im ? im->path : "?";
}

// A hook's frame is in the stack: what was noted at the wait's begin is of now,
// not of a wait that was left by a longjmp.
static bool is_in_hook(const struct snap *s, uint32_t stack)
{
	struct frames fs = frames_of(s, stack);

	for (uint32_t i = 0; i < fs.n; i++)
		if (!shown_is(s, &fs.list[i]))
			return true;
	return false;
}

static bool is_waiting(const struct roll *r, const struct roll_thread *t)
{
	return t->has_stack && t->at.since_ns && t->at.wait < WAIT_N &&
	       t->at.since_ns < r->time_ns && is_in_hook(r->snap, t->at.stack);
}

static void put_call(const struct task *t, struct buf *ret)
{
	char call[64];

	task_describe(t, call, sizeof(call));
	if (t->state == 'R')
		buf_puts(ret, "running");
	else if (t->state == 'T' || t->state == 't')
		buf_puts(ret, "stopped");
	else
		buf_puts(ret, *call ? call : "sleeping");
}

// As Go: minutes, if there are some.
static void put_time(uint64_t ns, struct buf *ret)
{
	if (ns >= 60ull * NS_PER_S)
		buf_printf(ret, ", %" PRIu64 " minutes", ns / NS_PER_S / 60);
	else
		buf_printf(ret, ", %.3fs", (double)ns / NS_PER_S);
}

static void put_name(const char *name, struct buf *ret)
{
	char clean[16];
	size_t i;

	// It must not end the brackets.
	for (i = 0; i + 1 < sizeof(clean) && name[i]; i++)
		clean[i] = strchr("[]\"", name[i]) ? '_' : name[i];
	clean[i] = '\0';
	buf_printf(ret, " \"%s\"", clean);
}

static void put_wait(const struct roll *r, const struct roll_thread *t,
		     struct buf *ret)
{
	buf_puts(ret, trace_wait_name(t->at.wait));
	put_time(r->time_ns - t->at.since_ns, ret);
	buf_printf(ret, ", for %#" PRIx64, t->at.lock);
	if (!t->at.holder)
		return;
	buf_printf(ret, ", held by %u", t->at.holder);
	put_name(shown_thread(r->snap, t->at.holder), ret);
}

static void put_head(const struct roll *r, const struct roll_thread *t,
		     struct buf *ret)
{
	buf_printf(ret, "goroutine %u [", t->at.tid);
	if (is_waiting(r, t))
		put_wait(r, t, ret);
	else
		put_call(&t->task, ret);
	buf_puts(ret, ", thread");
	put_name(shown_thread(r->snap, t->at.tid), ret);
	if (!t->has_stack)
		buf_printf(ret, ", no stack: %s", askable_reason(t->askable));
	buf_puts(ret, "]:\n");
}

static void put_frame(const struct snap *s, const struct frame *f,
		      struct buf *ret)
{
	struct sym_line lines[SYM_INLINE_MAX];
	char text[SHOWN_NAME_BYTES];
	uint32_t n = shown_names(s, f, text, lines);
	const struct image *im = shown_image(s, f);

	for (uint32_t i = 0; i < n; i++) {
		buf_printf(ret, "%s(...)\n\t%s:%" PRId64, lines[i].name,
			   file_of(s, f, &lines[i]), lines[i].line);
		// The function that others were inlined into.
		if (i + 1 == n && im)
			buf_printf(ret, " +%#" PRIx64,
				   f->addr - (im->file ? im->bias : im->start));
		buf_puts(ret, "\n");
	}
}

void threadtext_blocks(const struct roll *r, struct buf *ret)
{
	for (size_t i = 0; i < r->n; i++) {
		struct frames fs = frames_of(r->snap, r->threads[i].at.stack);

		if (i)
			buf_puts(ret, "\n");
		put_head(r, &r->threads[i], ret);
		for (uint32_t k = 0; k < fs.n; k++)
			if (shown_is(r->snap, &fs.list[k]))
				put_frame(r->snap, &fs.list[k], ret);
	}
}
