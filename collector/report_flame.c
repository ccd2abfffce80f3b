// SPDX-License-Identifier: Apache-2.0
//
// The page (report_flame.html) is part of the program; the stacks are put into
// it as JSON. Names are anybody's: what could end the script is escaped, and
// the page shows them as text only.
#include "collector/report_flame.h"

#include "collector/report_mem.h"
#include "collector/report_path.h"
#include "collector/report_stacks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// What the page has in place of the data.
#define MARK "\"@DATA@\""

// clang-format off
__asm__(".section .rodata\n"
	".global report_flame_page, report_flame_page_end\n"
	"report_flame_page: .incbin \"collector/report_flame.html\"\n"
	"report_flame_page_end: .byte 0\n"
	".previous\n");
// clang-format on
extern const char report_flame_page[], report_flame_page_end[];

static void put_text(struct buf *to, const char *text)
{
	buf_puts(to, "\"");
	for (const char *c = text; *c; c++) {
		unsigned char u = (unsigned char)*c;

		if (u < ' ' || strchr("\"\\<>&'", *c))
			buf_printf(to, "\\u%04x", u);
		// U+2028 and U+2029 end lines of a script.
		else if (!strncmp(c, "\xe2\x80\xa8", 3) ||
			 !strncmp(c, "\xe2\x80\xa9", 3))
			c += sizeof("\xe2\x80\xa8") - 2;
		else
			buf_put(to, c, 1);
	}
	buf_puts(to, "\"");
}

// The frames in the order of a walk down.
struct walk {
	uint32_t *order;
	uint32_t *depth; // by place in the order
	size_t n;
	uint32_t *name_of; // of nodes: index of the name in the page
};

static void walk_down(const struct report_stacks *s, struct walk *w)
{
	const struct report_frame *f = s->frames;
	uint32_t at = 0, depth = 0;

	w->order = report_mem_zero(s->n_frames, sizeof(*w->order));
	w->depth = report_mem_zero(s->n_frames, sizeof(*w->depth));
	for (;;) {
		w->order[w->n] = at;
		w->depth[w->n++] = depth;
		if (f[at].first_child != REPORT_NONE) {
			at = f[at].first_child;
			depth++;
			continue;
		}
		while (at && f[at].next == REPORT_NONE) {
			at = f[at].parent;
			depth--;
		}
		if (!at)
			return;
		at = f[at].next;
	}
}

static void put_names(struct buf *to, const struct report_stacks *s,
		      struct walk *w)
{
	uint32_t n = 1;

	w->name_of = report_mem_zero(s->nodes.n, sizeof(*w->name_of));
	buf_puts(to, "\"names\":[\"all\"");
	for (size_t i = 1; i < w->n; i++) {
		uint32_t node = s->frames[w->order[i]].node;

		if (w->name_of[node])
			continue;
		w->name_of[node] = n++;
		buf_puts(to, ",\n");
		put_text(to, s->nodes.list[node].printable);
	}
	buf_puts(to, "],\n");
}

enum column { NAME, DEPTH, SELF, BEFORE };

static int64_t cell(const struct report_stacks *s, const struct walk *w,
		    size_t i, enum column column)
{
	const struct report_frame *f = &s->frames[w->order[i]];

	switch (column) {
	case NAME:
		return f->node == REPORT_NONE ? 0 : w->name_of[f->node];
	case DEPTH:
		return w->depth[i];
	case SELF:
		return f->self;
	default:
		return f->self_before;
	}
}

static void put_column(struct buf *to, const struct report_stacks *s,
		       const struct walk *w, const char *name,
		       enum column column)
{
	buf_printf(to, "\"%s\":[", name);
	for (size_t i = 0; i < w->n; i++)
		buf_printf(to, "%s%" PRId64, i ? "," : "",
			   cell(s, w, i, column));
	buf_puts(to, "],\n");
}

// "app", or what stands for it.
static char *title_of(const struct report *r)
{
	const struct report_profile *p = r->profile;

	return report_path_base(
		p->n_mappings && p->mappings[0].file
			? report_profile_text(p, p->mappings[0].file)
			: "profile");
}

static void put_about(struct buf *to, const struct report *r)
{
	char *title = title_of(r);
	struct report_units_text total =
		report_units_label(r->total, r->unit, REPORT_UNITS_AUTO);

	buf_puts(to, "\"title\":");
	put_text(to, title);
	buf_puts(to, ",\"type\":");
	put_text(to, r->type);
	buf_puts(to, ",\"unit\":");
	put_text(to, r->unit);
	buf_puts(to, ",\"label\":");
	put_text(to, total.text);
	buf_puts(to, ",\"note\":");
	put_text(to, r->is_diff ? "compared with before" : "");
	buf_printf(to, ",\"total\":%" PRId64 ",\"inverted\":%s,\n", r->total,
		   r->settings.is_inverted ? "true" : "false");
	free(title);
}

static void put_data(struct buf *to, const struct report *r,
		     const struct report_stacks *s)
{
	struct walk w = {0};

	walk_down(s, &w);
	buf_puts(to, "{");
	put_about(to, r);
	put_names(to, s, &w);
	put_column(to, s, &w, "name", NAME);
	put_column(to, s, &w, "depth", DEPTH);
	put_column(to, s, &w, "self", SELF);
	if (r->is_diff)
		put_column(to, s, &w, "before", BEFORE);
	else
		buf_puts(to, "\"before\":null,\n");
	buf_printf(to, "\"n\":%zu}", w.n);
	free(w.order);
	free(w.depth);
	free(w.name_of);
}

int report_flame(struct report *r, struct report_out *out,
		 struct report_error *error)
{
	const char *mark = strstr(report_flame_page, MARK);
	struct report_stacks s;

	(void)error; // nothing can go wrong
	report_stacks_open(&s, r);
	buf_put(&out->text, report_flame_page,
		(size_t)(mark - report_flame_page));
	put_data(&out->text, r, &s);
	mark += strlen(MARK);
	buf_put(&out->text, mark, (size_t)(report_flame_page_end - mark));
	report_stacks_close(&s);
	return 0;
}
