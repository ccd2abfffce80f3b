// SPDX-License-Identifier: Apache-2.0
//
// peek is a tree of what matches, untrimmed.
#include "collector/report_tree.h"

#include "collector/report_head.h"

#include <errno.h>
#include <stdlib.h>

#define SEPARATOR                                                    \
	"----------------------------------------------------------" \
	"+-------------\n"
#define LEGEND                                                         \
	"      flat  flat%   sum%        cum   cum%   calls calls% + " \
	"context \t \t \n"

static void put_edges(struct report_out *out, const struct report_graph *g,
		      uint32_t node, bool is_in)
{
	size_t n;
	uint32_t *edges = report_graph_edges(g, node, is_in, &n);

	for (size_t i = 0; i < n; i++) {
		const struct report_edge *e = &g->edges[edges[i]];
		uint32_t other = is_in ? e->caller : e->callee;

		report_out_printf(out, "%50s %s |   %s%s\n",
				  report_label(g->report, e->weight).text,
				  report_units_percent(e->weight,
						       g->nodes.list[node].cum)
					  .text,
				  g->nodes.list[other].printable,
				  e->is_inline ? " (inline)" : "");
	}
	free(edges);
}

static void put_node(struct report_out *out, const struct report_graph *g,
		     uint32_t node, int64_t sum)
{
	const struct report *r = g->report;
	const struct report_node *n = &g->nodes.list[node];

	report_out_style(out, REPORT_HEADING);
	report_out_printf(out, "%10s %s %s %10s %s                | %s\n",
			  report_label(r, n->flat).text,
			  report_units_percent(n->flat, r->total).text,
			  report_units_percent(sum, r->total).text,
			  report_label(r, n->cum).text,
			  report_units_percent(n->cum, r->total).text,
			  n->printable);
	report_out_style(out, REPORT_PLAIN);
}

// How many nodes were written.
static size_t put_nodes(struct report_out *out, const struct report_graph *g)
{
	const struct report_regex *regex = g->report->regex;
	size_t n = 0;
	int64_t sum = 0;

	for (size_t i = 0; i < g->n_shown; i++) {
		uint32_t node = g->shown[i];

		if (regex &&
		    !report_regex_matches(regex, g->nodes.list[node].printable))
			continue;
		n++;
		sum = (int64_t)((uint64_t)sum +
				(uint64_t)g->nodes.list[node].flat);
		report_out_printf(out, "%s", SEPARATOR);
		put_edges(out, g, node, true);
		put_node(out, g, node, sum);
		put_edges(out, g, node, false);
	}
	return n;
}

int report_tree(struct report *r, struct report_out *out,
		struct report_error *error)
{
	struct report_graph g;
	struct report_trim trim;
	struct buf head;
	size_t n;

	buf_init(&head);
	report_trim_open(&g, r, &trim);
	report_head_graph(&head, &g, &trim);
	report_out_printf(out, "%s%s%s", head.data, SEPARATOR, LEGEND);
	n = put_nodes(out, &g);
	if (g.n_shown)
		report_out_printf(out, "%s", SEPARATOR);
	buf_fini(&head);
	report_graph_close(&g);
	if (r->regex && !n)
		return report_error_set(error, -ENOENT,
					"no function matches '%s'",
					r->settings.regex);
	return 0;
}

int report_peek(struct report *r, struct report_out *out,
		struct report_error *error)
{
	return report_tree(r, out, error);
}
