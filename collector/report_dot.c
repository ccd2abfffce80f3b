// SPDX-License-Identifier: Apache-2.0
//
// Sizes and colours say what is expensive, as in pprof's drawings.
#include "collector/report_dot.h"

#include "collector/report_collapse.h"
#include "collector/report_graphviz.h"
#include "collector/report_head.h"
#include "collector/report_mem.h"
#include "collector/report_path.h"
#include "collector/report_short.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FONT_MIN    8
#define FONT_GROWTH 16.0
#define WEIGHT_MAX  100
#define WIDTH_MAX   5
// Values below this part of the total are nearly grey.
#define GREY_PART 0.2
#define SHIFT	  0.7

struct drawing {
	struct report_out *out;
	const struct report_graph *g;
	struct report_nodelets nodelets;
	struct report_short names;
	uint32_t *ids;	 // of nodes: 1 to n as they are shown, 0: not shown
	bool *has_boxes; // of nodes
	uint64_t max_flat;
};

struct color {
	char text[8];
};

// Grey for 0, red for much, green for as much less.
static struct color color_of(double score, double saturation, double value)
{
	struct color c;
	double r = value, g = value, b;

	score = fmax(-1, fmin(1, score));
	if (fabs(score) < GREY_PART)
		saturation *= fabs(score) / GREY_PART;
	if (score > 0)
		score = pow(score, 1 - SHIFT);
	if (score < 0)
		score = -pow(-score, 1 - SHIFT);
	if (score < 0)
		r = value * (1 + saturation * score);
	else
		g = value * (1 - saturation * score);
	b = value * (1 - saturation);
	(void)snprintf(c.text, sizeof(c.text), "#%02x%02x%02x",
		       (unsigned)(r * 255) & 0xff, (unsigned)(g * 255) & 0xff,
		       (unsigned)(b * 255) & 0xff);
	return c;
}

static struct color front_color(double score)
{
	return color_of(score, 1, 0.7);
}

static struct color back_color(double score)
{
	return color_of(score, 0.1, 0.93);
}

// TEXT as it stands within dot's quotes; the caller frees.
static char *escape(const char *text)
{
	char *out = report_mem_zero(2 * strlen(text) + 1, 1), *to = out;

	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || *text == '\n')
			*to++ = '\\';
		*to++ = *text == '\n' ? 'l' : *text;
	}
	return out;
}

// TEXT with each FROM replaced by TO; takes TEXT over.
static char *replace(char *text, const char *from, const char *to)
{
	struct buf out;
	char *at = text, *found;

	if (!strstr(text, from))
		return text;
	buf_init(&out);
	for (; (found = strstr(at, from)); at = found + strlen(from)) {
		buf_put(&out, at, (size_t)(found - at));
		buf_puts(&out, to);
	}
	buf_puts(&out, at);
	if (buf_error(&out))
		report_mem_fail();
	free(text);
	return out.data;
}

// The name as lines of a box; the caller frees.
static char *box_name(const struct drawing *d, const struct report_node_key *k)
{
	char *short_name =
		report_short_name(&d->names, report_graph_text(d->g, k->name));
	char *name = escape(short_name);
	char *file =
		k->file ? report_path_base(report_graph_text(d->g, k->file))
			: NULL;
	char *object = report_path_base(report_graph_text(d->g, k->object));
	struct buf text;

	name = replace(name, "::", "\\n");
	name = replace(name, "[...]", "[\xe2\x80\xa6]");
	name = replace(name, ".", "\\n");
	buf_init(&text);
	if (k->address)
		buf_printf(&text, "%016" PRIx64 "\\n", k->address);
	if (*name)
		buf_printf(&text, "%s\\n", name);
	if (k->line)
		buf_printf(&text, "%s:%" PRId64 "\\n", file ? file : "",
			   k->line);
	else if (file)
		buf_printf(&text, "%s\\n", file);
	else if (!*name)
		buf_printf(&text, k->object ? "[%s]\\n" : "<unknown>\\n",
			   object);
	if (buf_error(&text))
		report_mem_fail();
	free(short_name);
	free(name);
	free(file);
	free(object);
	return text.data;
}

static int font_size(const struct drawing *d, int64_t flat)
{
	double part = d->max_flat ? (double)report_units_abs(flat) /
					    (double)d->max_flat
				  : 0;

	return FONT_MIN + (int)ceil(FONT_GROWTH * sqrt(part));
}

// "flat (%)\nof cum (%)"
static void put_values(struct drawing *d, const struct report_node *n)
{
	const struct report *r = d->g->report;

	if (n->flat)
		report_out_printf(
			d->out, "%s (%s)", report_label(r, n->flat).text,
			report_units_percent_bare(n->flat, r->total).text);
	else
		report_out_printf(d->out, "0");
	if (n->cum != n->flat)
		report_out_printf(
			d->out, "%sof %s (%s)", n->flat ? "\\n" : " ",
			report_label(r, n->cum).text,
			report_units_percent_bare(n->cum, r->total).text);
}

static void put_node(struct drawing *d, uint32_t node)
{
	const struct report *r = d->g->report;
	const struct report_node *n = &d->g->nodes.list[node];
	double score = (double)n->cum / (double)report_units_abs(r->total);
	char *label = box_name(d, &n->key), *tip = escape(n->printable);

	report_out_printf(d->out, "N%u [label=\"%s", d->ids[node], label);
	put_values(d, n);
	report_out_printf(
		d->out,
		"\" id=\"node%u\" fontsize=%d shape=box tooltip=\"%s (%s)\" "
		"color=\"%s\" fillcolor=\"%s\"]\n",
		d->ids[node], font_size(d, n->flat), tip,
		report_label(r, n->cum).text, front_color(score).text,
		back_color(score).text);
	free(label);
	free(tip);
}

// A box of its own for a label: at SOURCE ("N3"), the INDEX-th, of WEIGHT.
static void put_box(struct drawing *d, const char *source, const char *id,
		    const char *name, int64_t weight)
{
	struct report_units_text w = report_label(d->g->report, weight);

	report_out_printf(d->out,
			  "%s [label = \"%s\" id=\"%s\" fontsize=8 "
			  "shape=box3d tooltip=\"%s\"]\n",
			  id, name, id, w.text);
	report_out_printf(d->out,
			  "%s -> %s [label=\" %s\" weight=100 tooltip=\"%s\" "
			  "labeltooltip=\"%s\"",
			  source, id, w.text, w.text, w.text);
}

// The numbers that belong to LABEL at NODE, below SOURCE.
static bool put_numbers(struct drawing *d, uint32_t node, uint32_t label,
			bool is_by_flat, const char *source)
{
	const struct report_nodelets *x = &d->nodelets;
	const struct report_nodelet **all = NULL;
	struct report_box boxes[REPORT_NODELETS_MAX];
	size_t n = 0, capacity = 0, n_boxes;
	bool has_any = false;

	for (uint32_t i = x->first[node]; i != REPORT_NONE;
	     i = x->all[i].next) {
		if (!x->all[i].number || x->all[i].label != label)
			continue;
		all = report_mem_grow(all, &capacity, n + 1, sizeof(*all));
		all[n++] = &x->all[i];
	}
	n_boxes = report_collapse(d->g, all, n, is_by_flat, boxes);
	for (size_t i = 0; i < n_boxes; i++) {
		bool is_flat = is_by_flat || boxes[i].flat == boxes[i].cum;
		int64_t weight = is_flat ? boxes[i].flat : boxes[i].cum;
		char id[64];

		(void)snprintf(id, sizeof(id), "N%s_%zu", source, i);
		if (weight) {
			put_box(d, source, id, boxes[i].name, weight);
			report_out_printf(d->out, "%s]\n",
					  is_flat ? "" : " style=\"dotted\"");
			has_any = true;
		}
		free(boxes[i].name);
	}
	free(all);
	return has_any;
}

struct label_sorting {
	const struct report_graph *g;
	bool is_by_flat;
};

static int compare_labels(const void *a, const void *b, void *arg)
{
	const struct report_nodelet *x =
		*(const struct report_nodelet *const *)a;
	const struct report_nodelet *y =
		*(const struct report_nodelet *const *)b;
	const struct label_sorting *s = arg;
	const int64_t v[] = {x->cum, x->flat}, w[] = {y->cum, y->flat};
	int order = report_collapse_compare(v, w, s->is_by_flat);

	return order ? order
		     : strcmp(report_graph_text(s->g, x->label),
			      report_graph_text(s->g, y->label));
}

// The labels at NODE, heaviest first; the caller frees.
static const struct report_nodelet **
sorted_labels(struct drawing *d, uint32_t node, bool is_by_flat, size_t *ret_n)
{
	const struct report_nodelets *x = &d->nodelets;
	const struct report_nodelet **all = NULL;
	struct label_sorting s = {d->g, is_by_flat};
	size_t n = 0, capacity = 0;

	for (uint32_t i = x->first[node]; i != REPORT_NONE;
	     i = x->all[i].next) {
		if (x->all[i].number)
			continue;
		all = report_mem_grow(all, &capacity, n + 1, sizeof(*all));
		all[n++] = &x->all[i];
	}
	if (n)
		qsort_r(all, n, sizeof(*all), compare_labels, &s);
	*ret_n = n < REPORT_NODELETS_MAX ? n : REPORT_NODELETS_MAX;
	return all;
}

static bool has_callees(const struct report_graph *g, uint32_t node)
{
	size_t n;

	free(report_graph_edges(g, node, false, &n));
	return n != 0;
}

// A leaf's labels have what its callees, now gone, had, too.
static bool put_boxes(struct drawing *d, uint32_t node)
{
	bool is_by_flat = has_callees(d->g, node), has_any = false;
	char source[32], id[64];
	size_t n;
	const struct report_nodelet **labels =
		sorted_labels(d, node, is_by_flat, &n);

	(void)snprintf(source, sizeof(source), "N%u", d->ids[node]);
	for (size_t i = 0; i < n; i++) {
		int64_t w = is_by_flat ? labels[i]->flat : labels[i]->cum;

		if (!w)
			continue;
		(void)snprintf(id, sizeof(id), "%s_%zu", source, i);
		put_box(d, source, id,
			report_graph_text(d->g, labels[i]->label), w);
		report_out_printf(d->out, "]\n");
		(void)put_numbers(d, node, labels[i]->label, is_by_flat, id);
		has_any = true;
	}
	has_any |= put_numbers(d, node, 0, is_by_flat, source);
	free(labels);
	return has_any;
}

// WEIGHT as a part of the total, in steps of 1/STEPS, at least 1.
static int64_t steps(const struct report *r, int64_t weight, int64_t n_steps)
{
	int64_t n = report_units_abs(
		(int64_t)((uint64_t)weight * (uint64_t)n_steps) / r->total);

	return 1 + (n < n_steps ? n : n_steps);
}

static void put_edge(struct drawing *d, const struct report_edge *e)
{
	const struct report *r = d->g->report;
	struct report_units_text w = report_label(r, e->weight);
	char *from = escape(d->g->nodes.list[e->caller].printable);
	char *to = escape(d->g->nodes.list[e->callee].printable);
	const char *arrow = e->is_residual ? "..." : "->";

	report_out_printf(d->out, "N%u -> N%u [label=\" %s%s\"",
			  d->ids[e->caller], d->ids[e->callee], w.text,
			  e->is_inline ? "\\n (inline)" : "");
	if (r->total) {
		int64_t weight = steps(r, e->weight, WEIGHT_MAX);
		int64_t width = steps(r, e->weight, WIDTH_MAX);

		if (weight > 1)
			report_out_printf(d->out, " weight=%" PRId64, weight);
		if (width > 1)
			report_out_printf(d->out, " penwidth=%" PRId64, width);
		report_out_printf(
			d->out, " color=\"%s\"",
			front_color((double)e->weight /
				    (double)report_units_abs(r->total))
				.text);
	}
	report_out_printf(d->out,
			  " tooltip=\"%s %s %s (%s)\" labeltooltip=\"%s %s %s "
			  "(%s)\"%s%s]\n",
			  from, arrow, to, w.text, from, arrow, to, w.text,
			  e->is_residual ? " style=\"dotted\"" : "",
			  d->has_boxes[e->caller] ? " minlen=2" : "");
	free(from);
	free(to);
}

static int compare_edges(const void *a, const void *b, void *g)
{
	return report_graph_compare_edges(g, *(const uint32_t *)a,
					  *(const uint32_t *)b);
}

// The heaviest first, as a hint to dot.
static void put_edges(struct drawing *d)
{
	const struct report_graph *g = d->g;
	uint32_t *edges = report_mem_zero(g->n_edges, sizeof(*edges));
	size_t n = 0;

	for (size_t i = 0; i < g->n_edges; i++)
		if (!g->edges[i].is_removed && d->ids[g->edges[i].caller])
			edges[n++] = (uint32_t)i;
	qsort_r(edges, n, sizeof(*edges), compare_edges, (void *)g);
	for (size_t i = 0; i < n; i++)
		put_edge(d, &g->edges[edges[i]]);
	free(edges);
}

static void put_legend(struct drawing *d, const struct report_trim *trim,
		       const char *title)
{
	struct buf head;
	char *lines, *first;

	buf_init(&head);
	report_head_graph(&head, d->g, trim);
	lines = escape(head.data);
	head.data[strcspn(head.data, "\n")] = '\0';
	first = escape(head.data);
	report_out_printf(d->out,
			  "digraph \"%s\" {\nnode [style=filled "
			  "fillcolor=\"#f8f8f8\"]\nsubgraph cluster_L { \"%s\" "
			  "[shape=box fontsize=16 label=\"%s\"",
			  *title ? title : "unnamed", first, lines);
	if (*title)
		report_out_printf(d->out, " tooltip=\"%s\"", title);
	report_out_printf(d->out, "] }\n");
	free(lines);
	free(first);
	buf_fini(&head);
}

static void draw(struct drawing *d, const struct report_trim *trim)
{
	const struct report_profile *p = d->g->report->profile;
	char *base = report_path_base(
		p->n_mappings ? report_profile_text(p, p->mappings[0].file)
			      : "");
	bool has_title = p->n_mappings && p->mappings[0].file;
	char *title = escape(has_title ? base : "");

	put_legend(d, trim, title);
	for (size_t i = 0; i < d->g->n_shown; i++) {
		uint32_t node = d->g->shown[i];
		uint64_t flat =
			(uint64_t)report_units_abs(d->g->nodes.list[node].flat);

		d->ids[node] = (uint32_t)i + 1;
		d->max_flat = flat > d->max_flat ? flat : d->max_flat;
	}
	for (size_t i = 0; i < d->g->n_shown; i++) {
		put_node(d, d->g->shown[i]);
		d->has_boxes[d->g->shown[i]] = put_boxes(d, d->g->shown[i]);
	}
	put_edges(d);
	report_out_printf(d->out, "}\n");
	free(base);
	free(title);
}

int report_dot(struct report *r, struct report_out *out,
	       struct report_error *error)
{
	struct report_graph g;
	struct report_trim trim;
	struct drawing d = {.out = out, .g = &g};

	(void)error; // nothing can go wrong
	report_trim_open(&g, r, &trim);
	report_nodelets_open(&d.nodelets, &g, trim.tag_cutoff);
	report_short_open(&d.names);
	d.ids = report_mem_zero(g.nodes.n, sizeof(*d.ids));
	d.has_boxes = report_mem_zero(g.nodes.n, sizeof(*d.has_boxes));
	draw(&d, &trim);
	free(d.ids);
	free(d.has_boxes);
	report_short_close(&d.names);
	report_nodelets_close(&d.nodelets);
	report_graph_close(&g);
	return 0;
}

int report_svg(struct report *r, struct report_out *out,
	       struct report_error *error)
{
	struct report_out dot = {0};
	int err;

	buf_init(&dot.text);
	err = report_dot(r, &dot, error);
	if (!err && buf_error(&dot.text))
		err = report_error_set(error, buf_error(&dot.text),
				       "the graph is too large");
	if (!err)
		err = report_graphviz(&dot.text, &out->text, error);
	report_out_fini(&dot);
	return err;
}
