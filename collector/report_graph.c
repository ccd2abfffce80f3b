// SPDX-License-Identifier: Apache-2.0
//
// Trimming builds the graph anew from the samples without the nodes that go:
// their value moves to nobody, and edges over them become residual. Nodes and
// edges are counted once a sample, however often a recursive function is in it.
#include "collector/report_graph.h"

#include "collector/hmap.h"
#include "collector/report_mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *report_graph_text(const struct report_graph *g, uint32_t text)
{
	return report_profile_text(g->report->profile, text);
}

// A pass over the samples.
struct pass {
	struct report_graph *g;
	struct hmap edges; // caller and callee to edge
	uint32_t stamp;	   // of the sample
	int64_t value;
	uint32_t parent;
	bool is_residual;
};

static struct report_edge *find_edge(struct pass *s, uint32_t caller,
				     uint32_t callee)
{
	uint64_t key = ((uint64_t)caller << 32 | callee) + 1;
	uint64_t *known = hmap_get(&s->edges, key);
	struct report_graph *g = s->g;
	struct report_edge *e;

	if (known)
		return &g->edges[*known];
	if (hmap_put(&s->edges, key, g->n_edges))
		report_mem_fail();
	g->edges = report_mem_grow(g->edges, &g->edges_capacity, g->n_edges + 1,
				   sizeof(*g->edges));
	e = &g->edges[g->n_edges];
	*e = (struct report_edge){.caller = caller,
				  .callee = callee,
				  .next_in = g->nodes.list[callee].first_in,
				  .next_out = g->nodes.list[caller].first_out,
				  .is_inline = true};
	g->nodes.list[callee].first_in = (uint32_t)g->n_edges;
	g->nodes.list[caller].first_out = (uint32_t)g->n_edges;
	g->n_edges++;
	return e;
}

static int64_t add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

// One more frame towards the leaf.
static void add_frame(struct pass *s, uint32_t at, bool is_inlined)
{
	struct report_node *n = &s->g->nodes.list[at];
	struct report_edge *e;

	if (!n->is_shown) {
		s->is_residual = true;
		return;
	}
	if (n->stamp != s->stamp) {
		n->stamp = s->stamp;
		n->cum = add(n->cum, s->value);
	}
	if (s->parent != REPORT_NONE && s->parent != at) {
		e = find_edge(s, s->parent, at);
		if (e->stamp != s->stamp) {
			e->stamp = s->stamp;
			e->weight = add(e->weight, s->value);
			e->is_residual |= s->is_residual;
			e->is_inline &= is_inlined;
		}
	}
	s->parent = at;
	s->is_residual = false;
}

static void add_location(struct pass *s, uint32_t i)
{
	const struct report_graph *g = s->g;
	const struct report_location *l = &g->report->profile->locations[i];

	if (!l->n_lines)
		add_frame(s, g->nodes.of_location[i], false);
	for (uint32_t k = l->n_lines; k; k--)
		add_frame(s, g->nodes.of_line[l->first_line + k - 1],
			  k != l->n_lines);
}

static void add_sample(struct pass *s, size_t i)
{
	const struct report_profile *p = s->g->report->profile;
	const struct report_sample *a = &p->samples[i];

	s->value = report_value(s->g->report, i);
	if (!s->value)
		return;
	s->stamp = (uint32_t)i + 1;
	s->parent = REPORT_NONE;
	s->is_residual = false;
	for (uint32_t k = a->n_frames; k; k--)
		add_location(s, p->stack[a->first_frame + k - 1]);
	if (s->parent != REPORT_NONE && !s->is_residual) {
		struct report_node *n = &s->g->nodes.list[s->parent];

		n->flat = add(n->flat, s->value);
	}
}

static bool is_negative(const struct report_node *n)
{
	return n->flat < 0 || (!n->flat && n->cum < 0);
}

// Lists the nodes that have a value.
static void list_shown(struct report_graph *g)
{
	bool has_no_negatives = g->report->settings.has_no_negatives;

	g->n_shown = 0;
	for (size_t i = 0; i < g->nodes.n; i++) {
		const struct report_node *n = &g->nodes.list[i];

		if (n->is_shown && (n->cum || n->flat) &&
		    !(has_no_negatives && is_negative(n)))
			g->shown[g->n_shown++] = (uint32_t)i;
	}
}

// Adds all samples up for the nodes that are shown.
static void build(struct report_graph *g)
{
	struct pass s = {.g = g};

	hmap_init(&s.edges);
	g->n_edges = 0;
	for (size_t i = 0; i < g->nodes.n; i++) {
		struct report_node *n = &g->nodes.list[i];

		n->flat = n->cum = 0;
		n->stamp = 0;
		n->first_in = n->first_out = REPORT_NONE;
	}
	for (size_t i = 0; i < g->report->profile->n_samples; i++)
		add_sample(&s, i);
	hmap_fini(&s.edges);
	list_shown(g);
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

size_t report_graph_keep(struct report_graph *g, size_t n, int64_t cutoff)
{
	size_t n_before = g->n_shown;
	size_t n_kept = 0;

	for (size_t i = 0; i < g->nodes.n; i++)
		g->nodes.list[i].is_shown = false;
	for (size_t i = 0; i < n; i++) {
		struct report_node *node = &g->nodes.list[g->shown[i]];

		node->is_shown = report_units_abs(node->cum) >= cutoff;
		n_kept += node->is_shown;
	}
	if (n_kept != n_before)
		build(g);
	return n_before - n_kept;
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

// As Go prints a node's key, so that ties fall the same way.
static char *print_key(const struct report_graph *g,
		       const struct report_node_key *k)
{
	char *text;

	if (asprintf(&text, "{%s  %" PRIu64 " %s %" PRId64 " %" PRId64 " %s}",
		     report_graph_text(g, k->name), k->address,
		     report_graph_text(g, k->file), k->start_line, k->line,
		     report_graph_text(g, k->object)) < 0)
		report_mem_fail();
	return text;
}

int report_graph_compare_keys(const struct report_graph *g, uint32_t a,
			      uint32_t b)
{
	char *x = print_key(g, &g->nodes.list[a].key);
	char *y = print_key(g, &g->nodes.list[b].key);
	int order = strcmp(x, y);

	free(x);
	free(y);
	return order;
}

struct sorting {
	const struct report_graph *g;
	const int64_t *scores; // by node; NULL: flat
};

static int compare_nodes(const void *a, const void *b, void *arg)
{
	const struct sorting *s = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct report_node *x = &s->g->nodes.list[i],
				 *y = &s->g->nodes.list[k];
	int order;

	if (s->scores)
		order = compare(magnitude(s->scores[k]),
				magnitude(s->scores[i]));
	else
		order = compare(magnitude(y->flat), magnitude(x->flat));
	if (!order)
		order = strcmp(x->printable, y->printable);
	if (!order && s->scores)
		order = compare(magnitude(y->flat), magnitude(x->flat));
	if (!order && !s->scores)
		order = compare(magnitude(y->cum), magnitude(x->cum));
	return order ? order : report_graph_compare_keys(s->g, i, k);
}

// How evenly the value of a node is spread over the edges on one side.
static double entropy(const struct report_graph *g, uint32_t node, bool is_in,
		      int64_t self)
{
	double total = (double)self, score = 0;
	uint32_t first = is_in ? g->nodes.list[node].first_in
			       : g->nodes.list[node].first_out;

	for (uint32_t e = first; e != REPORT_NONE;
	     e = is_in ? g->edges[e].next_in : g->edges[e].next_out)
		if (!g->edges[e].is_removed && g->edges[e].weight > 0)
			total += (double)g->edges[e].weight;
	if (total == 0)
		return 0;
	for (uint32_t e = first; e != REPORT_NONE;
	     e = is_in ? g->edges[e].next_in : g->edges[e].next_out) {
		double part = (double)magnitude(g->edges[e].weight) / total;

		if (!g->edges[e].is_removed)
			score -= part * log2(part);
	}
	if (self > 0)
		score -= (double)self / total * log2((double)self / total);
	return score;
}

static bool has_edge(const struct report_graph *g, uint32_t node, bool is_in)
{
	uint32_t e = is_in ? g->nodes.list[node].first_in
			   : g->nodes.list[node].first_out;

	while (e != REPORT_NONE && g->edges[e].is_removed)
		e = is_in ? g->edges[e].next_in : g->edges[e].next_out;
	return e != REPORT_NONE;
}

// How interesting a node is in a drawing: one that only passes on what it gets
// is not.
static int64_t drawing_score(const struct report_graph *g, uint32_t i)
{
	const struct report_node *n = &g->nodes.list[i];
	double score = has_edge(g, i, true) ? entropy(g, i, true, 0) : 1;

	score += has_edge(g, i, false) ? entropy(g, i, false, n->flat) : 1;
	return add(report_units_int(score * (double)n->cum), n->flat);
}

void report_graph_sort(struct report_graph *g)
{
	bool is_graph = g->report->need.is_graph;
	int64_t *scores = NULL;
	struct sorting s = {.g = g};

	if (is_graph || g->report->settings.is_by_cum)
		scores = report_mem_zero(g->nodes.n, sizeof(*scores));
	for (size_t i = 0; scores && i < g->nodes.n; i++)
		scores[i] = is_graph ? drawing_score(g, (uint32_t)i)
				     : g->nodes.list[i].cum;
	s.scores = scores;
	qsort_r(g->shown, g->n_shown, sizeof(*g->shown), compare_nodes, &s);
	free(scores);
}

size_t report_graph_trim_edges(struct report_graph *g, int64_t cutoff)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_shown; i++)
		for (uint32_t e = g->nodes.list[g->shown[i]].first_in;
		     e != REPORT_NONE; e = g->edges[e].next_in) {
			struct report_edge *edge = &g->edges[e];

			if (edge->is_removed ||
			    report_units_abs(edge->weight) >= cutoff)
				continue;
			edge->is_removed = true;
			n++;
		}
	return n;
}

void report_graph_open(struct report_graph *g, struct report *r)
{
	*g = (struct report_graph){.report = r};
	report_node_make(&g->nodes, r, true);
	g->shown = report_mem_zero(g->nodes.n, sizeof(*g->shown));
	for (size_t i = 0; i < g->nodes.n; i++)
		g->nodes.list[i].is_shown = true;
	build(g);
}

void report_graph_close(struct report_graph *g)
{
	report_node_free(&g->nodes);
	free(g->edges);
	free(g->shown);
	*g = (struct report_graph){0};
}

int report_graph_compare_edges(const struct report_graph *g, uint32_t a,
			       uint32_t b)
{
	const struct report_edge *x = &g->edges[a], *y = &g->edges[b];
	int order = compare(magnitude(y->weight), magnitude(x->weight));

	if (!order)
		order = strcmp(g->nodes.list[x->caller].printable,
			       g->nodes.list[y->caller].printable);
	if (!order)
		order = strcmp(g->nodes.list[x->callee].printable,
			       g->nodes.list[y->callee].printable);
	return order;
}

static int compare_edges(const void *a, const void *b, void *g)
{
	return report_graph_compare_edges(g, *(const uint32_t *)a,
					  *(const uint32_t *)b);
}

uint32_t *report_graph_edges(const struct report_graph *g, uint32_t node,
			     bool is_in, size_t *ret_n)
{
	const struct report_node *n = &g->nodes.list[node];
	size_t n_edges = 0, capacity = 0;
	uint32_t *edges = NULL;

	for (uint32_t e = is_in ? n->first_in : n->first_out; e != REPORT_NONE;
	     e = is_in ? g->edges[e].next_in : g->edges[e].next_out) {
		if (g->edges[e].is_removed)
			continue;
		edges = report_mem_grow(edges, &capacity, n_edges + 1,
					sizeof(*edges));
		edges[n_edges++] = e;
	}
	if (n_edges)
		qsort_r(edges, n_edges, sizeof(*edges), compare_edges,
			(void *)g);
	*ret_n = n_edges;
	return edges;
}
