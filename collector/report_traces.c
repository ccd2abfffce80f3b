// SPDX-License-Identifier: Apache-2.0
//
// Lines of labels are ordered as lines, the texts first.
#include "collector/report_traces.h"

#include "collector/report_head.h"
#include "collector/report_mem.h"
#include "collector/report_node.h"
#include "collector/report_tags.h"

#include <stdlib.h>
#include <string.h>

#define SEPARATOR                                               \
	"-----------+-----------------------------------------" \
	"--------------\n"

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// The values of the labels from I up to END as one line.
static char *label_line(const struct report *r, const struct report_sample *s,
			uint32_t i, uint32_t end)
{
	const struct report_profile *p = r->profile;
	const struct report_label *l = p->labels + s->first_label;
	uint32_t unit = r->label_units[l[i].key];
	struct buf line;

	buf_init(&line);
	buf_printf(&line, "%10s:  ", report_profile_text(p, l[i].key));
	for (uint32_t k = i; k < end; k++) {
		struct report_units_text number =
			report_units_label(l[k].num,
					   report_profile_text(p, unit),
					   REPORT_UNITS_AUTO);

		buf_printf(&line, "%s%s", k > i ? " " : "",
			   l[k].text ? report_profile_text(p, l[k].text)
				     : number.text);
	}
	buf_puts(&line, "\n");
	if (buf_error(&line))
		report_mem_fail();
	return line.data;
}

// Those that are texts, or those that are numbers.
static void put_labels(struct report_out *out, const struct report *r,
		       const struct report_sample *s, bool is_text)
{
	const struct report_label *l = r->profile->labels + s->first_label;
	char **lines = report_mem_zero(s->n_labels, sizeof(*lines));
	size_t n = 0;
	uint32_t end;

	for (uint32_t i = 0; i < s->n_labels; i = end) {
		end = report_tags_next(r->profile, s, i);
		if (!l[i].text == !is_text)
			lines[n++] = label_line(r, s, i, end);
	}
	qsort(lines, n, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < n; i++) {
		report_out_printf(out, "%s", lines[i]);
		free(lines[i]);
	}
	free(lines);
}

struct writing {
	struct report_out *out;
	const struct report_nodes *nodes;
	const char *value; // of the first frame
};

static void put_frame(struct writing *w, uint32_t node, bool is_inlined)
{
	report_out_printf(w->out, "%10s   %s%s\n", w->value,
			  w->nodes->list[node].printable,
			  is_inlined ? " (inline)" : "");
	w->value = "";
}

static void put_stack(struct writing *w, const struct report_sample *s)
{
	const struct report_nodes *x = w->nodes;
	const struct report_profile *p = x->report->profile;

	for (uint32_t i = 0; i < s->n_frames; i++) {
		uint32_t at = p->stack[s->first_frame + i];
		const struct report_location *l = &p->locations[at];

		if (!l->n_lines)
			put_frame(w, x->of_location[at], false);
		for (uint32_t k = 0; k < l->n_lines; k++)
			put_frame(w, x->of_line[l->first_line + k],
				  k + 1 < l->n_lines);
	}
}

static void put_sample(struct report_out *out, const struct report_nodes *x,
		       size_t i)
{
	const struct report *r = x->report;
	const struct report_sample *s = &r->profile->samples[i];
	struct report_units_text value = report_label(r, report_value(r, i));
	struct writing w = {out, x, value.text};

	if (!s->n_frames)
		return;
	report_out_printf(out, "%s", SEPARATOR);
	report_out_style(out, REPORT_FAINT);
	put_labels(out, r, s, true);
	put_labels(out, r, s, false);
	report_out_style(out, REPORT_PLAIN);
	put_stack(&w, s);
}

int report_traces(struct report *r, struct report_out *out,
		  struct report_error *error)
{
	struct report_nodes nodes;
	struct buf head;

	(void)error; // nothing can go wrong
	buf_init(&head);
	report_head_profile(&head, r);
	report_out_printf(out, "%s", head.data ? head.data : "\n");
	report_node_make(&nodes, r, false);
	for (size_t i = 0; i < r->profile->n_samples; i++)
		put_sample(out, &nodes, i);
	report_out_printf(out, "%s", SEPARATOR);
	buf_fini(&head);
	report_node_free(&nodes);
	return 0;
}
