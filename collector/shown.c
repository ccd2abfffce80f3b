// SPDX-License-Identifier: Apache-2.0
//
// One place for it, so that a frame has the same name in a trace and in a list
// of threads.
#include "collector/shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_FRAMES 12u

const struct image *shown_image(const struct snap *s, const struct frame *f)
{
	if (f->image == FRAME_PSEUDO || !f->image || f->image > s->n_images)
		return NULL;
	return s->images[f->image - 1];
}

bool shown_is(const struct snap *s, const struct frame *f)
{
	const struct image *im = shown_image(s, f);

	return !im || !im->is_shim;
}

uint32_t shown_names(const struct snap *s, const struct frame *f,
		     char ret_text[SHOWN_NAME_BYTES],
		     struct sym_line *ret_lines)
{
	const struct image *im = shown_image(s, f);
	uint32_t n = im ? sym_lookup(im, f->addr, ret_lines) : 0;
	const char *slash;

	if (n)
		return n;
	if (im) {
		slash = strrchr(im->path, '/');
		(void)snprintf(ret_text, SHOWN_NAME_BYTES, "%s+%#" PRIx64,
			       slash ? slash + 1 : im->path,
			       im->file
				       ? f->addr - im->bias
				       : f->addr - im->start + im->file_offset);
	} else {
		(void)snprintf(
			ret_text, SHOWN_NAME_BYTES, "%s",
			frame_pseudo_name(f->image == FRAME_PSEUDO
						  ? (enum frame_pseudo)f->addr
						  : FRAME_UNKNOWN));
	}
	*ret_lines = (struct sym_line){.name = ret_text, .file = ""};
	return 1;
}

void shown_stack(const struct snap *s, uint32_t stack,
		 char ret[SHOWN_STACK_BYTES])
{
	const struct snap_stack *st = &s->stacks[stack];
	struct sym_line lines[SYM_INLINE_MAX];
	char text[SHOWN_NAME_BYTES];
	size_t n = 0;

	ret[0] = '\0';
	for (uint32_t i = 0; i < st->n && i < STACK_FRAMES; i++) {
		const struct frame *f = &s->frames[st->first + i];
		uint32_t k =
			shown_is(s, f) ? shown_names(s, f, text, lines) : 0;

		for (uint32_t j = 0; j < k && n < SHOWN_STACK_BYTES - 1; j++)
			n += (size_t)snprintf(ret + n, SHOWN_STACK_BYTES - n,
					      "%s%s", n ? " < " : "",
					      lines[j].name);
	}
}

static int compare_tid(const void *key, const void *item)
{
	const uint32_t *tid = key;
	const struct snap_thread *t = item;

	return (*tid > t->tid) - (*tid < t->tid);
}

const char *shown_thread(const struct snap *s, uint32_t tid)
{
	const struct snap_thread *t =
		s->n_threads ? bsearch(&tid, s->threads, s->n_threads,
				       sizeof(*s->threads), compare_tid)
			     : NULL;

	return t ? t->name : "";
}
