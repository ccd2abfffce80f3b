// SPDX-License-Identifier: Apache-2.0
//
// The steps are pprof's, in its order: small nodes go, then all but the first
// so many, then small edges, and from a drawing those that only repeat a path.
#include "collector/report_trim.h"

#include "collector/report_mem.h"
#include "collector/report_nodelets.h"

#include <stdlib.h>
#include <string.h>

// The unit of the smallest value that is shown, or the next larger one.
void report_trim_unit(struct report_graph *g, struct report *r)
{
	int64_t min = 0;
	const char *unit, *min_unit, *max_unit;

	if (strcmp(r->out_unit, REPORT_UNITS_MINIMUM) != 0 || !g->n_shown)
		return;
	for (size_t i = 0; i < g->n_shown; i++) {
		const struct report_node *n = &g->nodes.list[g->shown[i]];
		int64_t v = report_units_abs(n->flat ? n->flat : n->cum);

		if (v > 0 && (!min || v < min))
			min = v;
	}
	if (!min)
		min = r->total;
	(void)report_units_scale(min, r->unit, REPORT_UNITS_MINIMUM, &min_unit);
	(void)report_units_scale(r->total, r->unit, REPORT_UNITS_MINIMUM,
				 &max_unit);
	unit = min_unit;
	// A hundredth can still be shown; not where only integers can be.
	if (strcmp(min_unit, max_unit) != 0 && min * 100 < r->total &&
	    !r->need.is_integral)
		(void)report_units_scale(100 * min, r->unit,
					 REPORT_UNITS_MINIMUM, &unit);
	r->out_unit = *unit ? unit : r->unit;
}

static int64_t cutoff_of(const struct report_graph *g, double fraction)
{
	uint64_t total = 0;

	for (size_t i = 0; i < g->n_shown; i++)
		total += (uint64_t)g->nodes.list[g->shown[i]].flat;
	return report_units_abs(
		report_units_int((double)(int64_t)total * fraction));
}

// How many nodes fill N places of a drawing, where their labels take places
// too.
static size_t places(const struct report_graph *g, size_t n, int64_t tag_cutoff)
{
	size_t n_used = 0, *n_tags = report_nodelets_count(g, tag_cutoff);

	for (size_t i = 0; i < g->n_shown; i++) {
		size_t tags = n_tags[g->shown[i]];

		n_used +=
			1 + (tags < REPORT_NODELETS_MAX ? tags
							: REPORT_NODELETS_MAX);
		if (n_used >= n) {
			n = i + 1;
			break;
		}
	}
	free(n_tags);
	return n;
}

static void limit_nodes(struct report_graph *g, size_t n, int64_t edge_cutoff,
			int64_t tag_cutoff)
{
	(void)report_graph_trim_edges(g, edge_cutoff); // counted at the end
	if (g->report->need.is_graph)
		n = places(g, n, tag_cutoff);
	if (n > g->n_shown)
		n = g->n_shown;
	if (report_graph_keep(g, n, 0))
		report_graph_sort(g);
}

// Whether the caller of edge E reaches its callee without it.
static bool is_redundant(const struct report_graph *g, uint32_t e,
			 uint32_t *queue, bool *is_seen)
{
	uint32_t caller = g->edges[e].caller;
	size_t n = 0, n_done = 0;

	memset(is_seen, 0, g->nodes.n * sizeof(*is_seen));
	queue[n++] = g->edges[e].callee;
	is_seen[g->edges[e].callee] = true;
	for (; n_done < n; n_done++)
		for (uint32_t in = g->nodes.list[queue[n_done]].first_in;
		     in != REPORT_NONE; in = g->edges[in].next_in) {
			const struct report_edge *edge = &g->edges[in];

			if (in == e || edge->is_removed ||
			    is_seen[edge->caller])
				continue;
			if (edge->caller == caller)
				return true;
			is_seen[edge->caller] = true;
			queue[n++] = edge->caller;
		}
	return false;
}

// From the lightest on, but never one that is heavier than a direct call.
static void remove_redundant(struct report_graph *g)
{
	uint32_t *queue = report_mem_zero(g->nodes.n, sizeof(*queue));
	bool *is_seen = report_mem_zero(g->nodes.n, sizeof(*is_seen));

	for (size_t i = g->n_shown; i; i--) {
		size_t n;
		uint32_t *in = report_graph_edges(g, g->shown[i - 1], true, &n);

		for (; n && g->edges[in[n - 1]].is_residual; n--)
			if (is_redundant(g, in[n - 1], queue, is_seen))
				g->edges[in[n - 1]].is_removed = true;
		free(in);
	}
	free(queue);
	free(is_seen);
}

void report_trim_open(struct report_graph *g, struct report *r,
		      struct report_trim *ret_trim)
{
	const struct report_settings *s = &r->settings;
	struct report_trim t = {0};
	int64_t edge_cutoff;

	report_graph_open(g, r);
	t.tag_cutoff = cutoff_of(g, s->node_fraction);
	edge_cutoff = cutoff_of(g, s->edge_fraction);
	if (t.tag_cutoff > 0)
		t.n_dropped_nodes =
			report_graph_keep(g, g->n_shown, t.tag_cutoff);
	t.n_nodes = g->n_shown;
	report_graph_sort(g);
	if (s->n_nodes > 0)
		limit_nodes(g, (size_t)s->n_nodes, edge_cutoff, t.tag_cutoff);
	t.n_dropped_edges = report_graph_trim_edges(g, edge_cutoff);
	if (r->need.is_graph)
		remove_redundant(g);
	report_trim_unit(g, r);
	*ret_trim = t;
}
