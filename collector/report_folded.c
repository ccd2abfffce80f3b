// SPDX-License-Identifier: Apache-2.0
//
// A semicolon in a name would be two frames: it becomes a colon.
#include "collector/report_folded.h"

#include "collector/report_stacks.h"

#include <inttypes.h>
#include <string.h>

struct folding {
	struct report_out *out;
	const struct report_stacks *s;
	struct buf path; // names of the frames down to the one at hand
};

static void put_name(struct buf *path, const char *name)
{
	size_t start = path->n_bytes;

	buf_puts(path, name);
	for (size_t i = start; i < path->n_bytes; i++) {
		if (path->data[i] == ';')
			path->data[i] = ':';
		if (path->data[i] == '\n')
			path->data[i] = ' ';
	}
}

static void put_stack(struct folding *f, const struct report_frame *frame)
{
	if (!frame->self && !frame->self_before)
		return;
	if (f->s->nodes.report->is_diff)
		report_out_printf(f->out, "%s %" PRId64 " %" PRId64 "\n",
				  f->path.data, frame->self_before,
				  frame->self);
	else
		report_out_printf(f->out, "%s %" PRId64 "\n", f->path.data,
				  frame->self);
}

static void cut_path(struct buf *path, size_t n_bytes)
{
	if (n_bytes > path->n_bytes)
		return;
	path->n_bytes = n_bytes;
	if (path->data)
		path->data[n_bytes] = '\0';
}

// The frame behind AT in the order of a walk down; the path follows.
static uint32_t walk_on(struct folding *f, uint32_t at)
{
	const struct report_frame *frames = f->s->frames;

	if (frames[at].first_child != REPORT_NONE)
		return frames[at].first_child;
	while (at && frames[at].next == REPORT_NONE) {
		const char *name = f->s->nodes.list[frames[at].node].printable;

		cut_path(&f->path, f->path.n_bytes - strlen(name));
		if (f->path.n_bytes)
			cut_path(&f->path, f->path.n_bytes - 1);
		at = frames[at].parent;
	}
	if (!at)
		return 0;
	cut_path(&f->path,
		 f->path.n_bytes -
			 strlen(f->s->nodes.list[frames[at].node].printable));
	if (f->path.n_bytes)
		cut_path(&f->path, f->path.n_bytes - 1);
	return frames[at].next;
}

int report_folded(struct report *r, struct report_out *out,
		  struct report_error *error)
{
	struct report_stacks s;
	struct folding f = {.out = out, .s = &s};

	(void)error; // nothing can go wrong
	report_stacks_open(&s, r);
	buf_init(&f.path);
	for (uint32_t at = walk_on(&f, 0); at; at = walk_on(&f, at)) {
		if (f.path.n_bytes)
			buf_puts(&f.path, ";");
		put_name(&f.path, s.nodes.list[s.frames[at].node].printable);
		put_stack(&f, &s.frames[at]);
	}
	buf_fini(&f.path);
	report_stacks_close(&s);
	return 0;
}
