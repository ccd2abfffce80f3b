// SPDX-License-Identifier: Apache-2.0
//
// Both forms are read by people and by tools made for Go's (debug=1 by pprof
// itself), so what Go has not stands where they expect something: in the
// brackets behind a thread's number.
#include "collector/threadtext.h"

#include "collector/shown.h"
#include "collector/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

// What a return address would be; pseudo frames have addresses of their own, as
// in the other formats.
static uint64_t address_of(const struct frame *f)
{
	return f->addr + 1 + (f->image == FRAME_PSEUDO);
}

static const char *file_of(const struct snap *s, const struct frame *f,
			   const struct sym_line *line)
{
	const struct image *im = shown_image(s, f);

	if (*line->file)
		return line->file;
	return im ? im->path : "?";
}

static void put_comment(const struct snap *s, const struct frame *f,
			struct buf *ret)
{
	struct sym_line lines[SYM_INLINE_MAX];
	char text[SHOWN_NAME_BYTES];
	uint32_t n = shown_names(s, f, text, lines);

	for (uint32_t i = 0; i < n; i++)
		buf_printf(ret, "#\t%#" PRIx64 "\t%s\t%s:%" PRId64 "\n",
			   f->addr, lines[i].name, file_of(s, f, &lines[i]),
			   lines[i].line);
}

static void put_count(const struct snap *s, uint32_t stack, size_t count,
		      struct buf *ret)
{
	struct frames fs = frames_of(s, stack);

	buf_printf(ret, "%zu @", count);
	for (uint32_t i = 0; i < fs.n; i++)
		if (shown_is(s, &fs.list[i]))
			buf_printf(ret, " %#" PRIx64, address_of(&fs.list[i]));
	buf_puts(ret, "\n");
	for (uint32_t i = 0; i < fs.n; i++)
		if (shown_is(s, &fs.list[i]))
			put_comment(s, &fs.list[i], ret);
	buf_puts(ret, "\n");
}

struct count {
	uint32_t stack;
	size_t n;
};

static int compare_stacks(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return (x->stack > y->stack) - (x->stack < y->stack);
}

static int compare_counts(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? 1 : -1;
	return compare_stacks(a, b);
}

// How many threads are at each stack, most first; NULL: no memory.
static struct count *count_stacks(const struct roll *r, size_t *ret_n)
{
	struct count *list = calloc(r->n ? r->n : 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return NULL;
	for (size_t i = 0; i < r->n; i++)
		list[i] = (struct count){r->threads[i].at.stack, 1};
	qsort(list, r->n, sizeof(*list), compare_stacks);
	for (size_t i = 0; i < r->n; i++)
		if (n && list[n - 1].stack == list[i].stack)
			list[n - 1].n++;
		else
			list[n++] = list[i];
	qsort(list, n, sizeof(*list), compare_counts);
	*ret_n = n;
	return list;
}

void threadtext_counts(const struct roll *r, struct buf *ret)
{
	size_t n;
	struct count *list = count_stacks(r, &n);

	if (!list) {
		ret->error = ret->error ? ret->error : -ENOMEM;
		return;
	}
	buf_printf(ret, "goroutine profile: total %zu\n", r->n);
	for (size_t i = 0; i < n; i++)
		put_count(r->snap, list[i].stack, list[i].n, ret);
	free(list);
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
