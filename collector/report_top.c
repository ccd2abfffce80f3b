// SPDX-License-Identifier: Apache-2.0
//
// The columns are pprof's, to the blank.
#include "collector/report_top.h"

#include "collector/report_head.h"

#include <stdlib.h>

// Whether calls of a function were inlined: all, some or none.
static const char *inline_mark(const struct report_graph *g, uint32_t node)
{
	bool has_inline = false, has_call = false;

	for (uint32_t e = g->nodes.list[node].first_in; e != REPORT_NONE;
	     e = g->edges[e].next_in) {
		if (g->edges[e].is_removed)
			continue;
		has_inline |= g->edges[e].is_inline;
		has_call |= !g->edges[e].is_inline;
	}
	if (!has_inline)
		return "";
	return has_call ? " (partial-inline)" : " (inline)";
}

static void put_row(struct report_out *out, const struct report_graph *g,
		    uint32_t node, int64_t sum)
{
	const struct report *r = g->report;
	const struct report_node *n = &g->nodes.list[node];

	report_out_style(out, report_out_heat(n->flat, r->total));
	report_out_printf(out, "%10s %s %s ", report_label(r, n->flat).text,
			  report_units_percent(n->flat, r->total).text,
			  report_units_percent(sum, r->total).text);
	report_out_style(out, REPORT_PLAIN);
	report_out_style(out, report_out_heat(n->cum, r->total));
	report_out_printf(out, "%10s %s", report_label(r, n->cum).text,
			  report_units_percent(n->cum, r->total).text);
	report_out_style(out, REPORT_PLAIN);
	report_out_printf(out, "  %s%s\n", n->printable, inline_mark(g, node));
}

int report_top(struct report *r, struct report_out *out,
	       struct report_error *error)
{
	struct report_graph g;
	struct report_trim trim;
	struct buf head;
	int64_t sum = 0;

	(void)error; // nothing can go wrong
	buf_init(&head);
	report_trim_open(&g, r, &trim);
	report_head_graph(&head, &g, &trim);
	report_out_printf(out, "%s", head.data);
	report_out_style(out, REPORT_HEADING);
	report_out_printf(out, "%10s %5s%% %5s%% %10s %5s%%\n", "flat", "flat",
			  "sum", "cum", "cum");
	report_out_style(out, REPORT_PLAIN);
	for (size_t i = 0; i < g.n_shown; i++) {
		sum = (int64_t)((uint64_t)sum +
				(uint64_t)g.nodes.list[g.shown[i]].flat);
		put_row(out, &g, g.shown[i], sum);
	}
	buf_fini(&head);
	report_graph_close(&g);
	return 0;
}
