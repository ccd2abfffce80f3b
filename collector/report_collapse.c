// SPDX-License-Identifier: Apache-2.0
//
// The heaviest numbers start a box each; every other goes to the nearest.
#include "collector/report_collapse.h"

#include "collector/report_mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sorting {
	const struct report_graph *g;
	bool is_by_flat;
};

int report_collapse_compare(const int64_t a[2], const int64_t b[2],
			    bool is_by_flat)
{
	// [0] is cum, [1] is flat.
	for (int i = is_by_flat; i < 2; i++) {
		uint64_t x = (uint64_t)report_units_abs(a[i]);
		uint64_t y = (uint64_t)report_units_abs(b[i]);

		if (x != y)
			return x < y ? 1 : -1;
	}
	return 0;
}

static int compare_numbers(const void *a, const void *b, void *arg)
{
	const struct report_nodelet *x =
		*(const struct report_nodelet *const *)a;
	const struct report_nodelet *y =
		*(const struct report_nodelet *const *)b;
	const struct sorting *s = arg;
	const int64_t v[] = {x->cum, x->flat}, w[] = {y->cum, y->flat};
	int order = report_collapse_compare(v, w, s->is_by_flat);

	return order ? order
		     : strcmp(report_graph_text(s->g, x->number),
			      report_graph_text(s->g, y->number));
}

static int compare_boxes(const void *a, const void *b, void *arg)
{
	const struct report_box *x = a, *y = b;
	const struct sorting *s = arg;
	const int64_t v[] = {x->cum, x->flat}, w[] = {y->cum, y->flat};
	int order = report_collapse_compare(v, w, s->is_by_flat);

	return order ? order : strcmp(x->name, y->name);
}

static double distance(const struct report_graph *g,
		       const struct report_nodelet *a,
		       const struct report_nodelet *b)
{
	const char *unit;

	return fabs((double)a->value -
		    report_units_scale(b->value, report_graph_text(g, b->unit),
				       report_graph_text(g, a->unit), &unit));
}

struct group {
	const struct report_nodelet *min, *max, *first;
	int64_t flat, cum;
	size_t n;
};

static void join(struct group *x, const struct report_nodelet *n)
{
	if (!x->n++)
		x->min = x->max = x->first = n;
	if (n->value < x->min->value)
		x->min = n;
	if (n->value > x->max->value)
		x->max = n;
	x->flat += n->flat;
	x->cum += n->cum;
}

static struct report_units_text label(const struct report_graph *g,
				      const struct report_nodelet *n)
{
	return report_units_label(n->value, report_graph_text(g, n->unit),
				  REPORT_UNITS_AUTO);
}

// "1kB..64kB"
static struct report_box box_of(const struct report_graph *g,
				const struct group *x)
{
	struct report_box box = {.flat = x->flat, .cum = x->cum};
	struct report_units_text from = label(g, x->min), to = label(g, x->max);

	if (asprintf(&box.name, "%s%s%s", from.text, x->n > 1 ? ".." : "",
		     x->n > 1 ? to.text : "") < 0)
		report_mem_fail();
	return box;
}

static struct report_box plain_box(const struct report_graph *g,
				   const struct report_nodelet *n)
{
	const char *name = report_graph_text(g, n->number);

	return (struct report_box){report_mem_text(name, strlen(name)), n->flat,
				   n->cum};
}

static size_t nearest(const struct report_graph *g, const struct group *groups,
		      const struct report_nodelet *n)
{
	size_t best = 0;

	for (size_t i = 1; i < REPORT_NODELETS_MAX; i++)
		if (distance(g, n, groups[i].first) <
		    distance(g, n, groups[best].first))
			best = i;
	return best;
}

size_t report_collapse(const struct report_graph *g,
		       const struct report_nodelet **all, size_t n,
		       bool is_by_flat, struct report_box *ret_boxes)
{
	struct group groups[REPORT_NODELETS_MAX] = {0};
	struct sorting s = {g, is_by_flat};
	size_t i;

	if (n)
		qsort_r(all, n, sizeof(*all), compare_numbers, &s);
	for (i = 0; i < n && n <= REPORT_NODELETS_MAX; i++)
		ret_boxes[i] = plain_box(g, all[i]);
	if (n <= REPORT_NODELETS_MAX)
		return n;
	for (i = 0; i < n; i++)
		join(&groups[i < REPORT_NODELETS_MAX
				     ? i
				     : nearest(g, groups, all[i])],
		     all[i]);
	for (i = 0; i < REPORT_NODELETS_MAX; i++)
		ret_boxes[i] = box_of(g, &groups[i]);
	qsort_r(ret_boxes, REPORT_NODELETS_MAX, sizeof(*ret_boxes),
		compare_boxes, &s);
	return REPORT_NODELETS_MAX;
}
