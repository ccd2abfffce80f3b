// SPDX-License-Identifier: Apache-2.0
//
// Nodes are lines here. They are sorted so that those of one function, and of
// one file in it, stand together.
#include "collector/report_list.h"

#include "collector/report_graph.h"
#include "collector/report_mem.h"
#include "collector/report_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Lines that are shown before the first and behind the last with a value.
#define MARGIN 5

struct listing {
	struct report_out *out;
	const struct report_graph *g;
	uint32_t *nodes; // those that match
	size_t n;
};

static const struct report_node_key *key_of(const struct report_graph *g,
					    uint32_t node)
{
	return &g->nodes.list[node].key;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_nodes(const void *a, const void *b, void *arg)
{
	const struct report_graph *g = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct report_node_key *x = key_of(g, i), *y = key_of(g, k);
	int order = strcmp(report_graph_text(g, x->name),
			   report_graph_text(g, y->name));

	if (!order)
		order = strcmp(report_graph_text(g, x->file),
			       report_graph_text(g, y->file));
	if (!order)
		order = compare_numbers(x->start_line, y->start_line);
	if (!order)
		order = compare_numbers(x->line, y->line);
	return order ? order : report_graph_compare_keys(g, i, k);
}

static void find_nodes(struct listing *l)
{
	const struct report_graph *g = l->g;

	l->nodes = report_mem_zero(g->n_shown, sizeof(*l->nodes));
	for (size_t i = 0; i < g->n_shown; i++) {
		const char *name =
			report_graph_text(g, key_of(g, g->shown[i])->name);

		if (report_regex_matches(g->report->regex, name))
			l->nodes[l->n++] = g->shown[i];
	}
	qsort_r(l->nodes, l->n, sizeof(*l->nodes), compare_nodes, (void *)g);
}

// A run of nodes: those of one function, or of one file of it.
struct run {
	const uint32_t *nodes;
	size_t n;
};

static void add_up(const struct report_graph *g, struct run run,
		   int64_t *ret_flat, int64_t *ret_cum)
{
	uint64_t flat = 0, cum = 0;

	for (size_t i = 0; i < run.n; i++) {
		flat += (uint64_t)g->nodes.list[run.nodes[i]].flat;
		cum += (uint64_t)g->nodes.list[run.nodes[i]].cum;
	}
	*ret_flat = (int64_t)flat;
	*ret_cum = (int64_t)cum;
}

static int64_t start_of(const struct report_node_key *k)
{
	return k->start_line ? k->start_line : k->line - MARGIN;
}

// The lines to show.
static void find_bounds(const struct report_graph *g, struct run run,
			int64_t *ret_first, int64_t *ret_last)
{
	int64_t first = start_of(key_of(g, run.nodes[0]));
	int64_t last = key_of(g, run.nodes[0])->line + MARGIN;

	for (size_t i = 1; i < run.n; i++) {
		const struct report_node_key *k = key_of(g, run.nodes[i]);

		if (start_of(k) < first)
			first = start_of(k);
		if (k->line + MARGIN > last)
			last = k->line + MARGIN;
	}
	*ret_first = first < 1 ? 1 : first;
	*ret_last = last;
}

static struct report_units_text label_or_dot(const struct report *r,
					     int64_t value)
{
	static const struct report_units_text dot = {"."};

	return value ? report_label(r, value) : dot;
}

static void put_line(struct listing *l, struct run run, int64_t number,
		     const char *text)
{
	const struct report *r = l->g->report;
	uint64_t flat = 0, cum = 0;
	enum report_style style;

	for (size_t i = 0; i < run.n; i++)
		if (key_of(l->g, run.nodes[i])->line == number) {
			flat += (uint64_t)l->g->nodes.list[run.nodes[i]].flat;
			cum += (uint64_t)l->g->nodes.list[run.nodes[i]].cum;
		}
	style = cum ? report_out_heat((int64_t)cum, r->total) : REPORT_FAINT;
	report_out_style(l->out, style);
	report_out_printf(l->out, "%10s %10s %6" PRId64 ":%s\n",
			  label_or_dot(r, (int64_t)flat).text,
			  label_or_dot(r, (int64_t)cum).text, number, text);
	report_out_style(l->out, REPORT_PLAIN);
}

static void put_lines(struct listing *l, struct run run)
{
	const struct report_settings *s = &l->g->report->settings;
	const char *file =
		report_graph_text(l->g, key_of(l->g, run.nodes[0])->file);
	struct report_source source;
	int64_t first, last;
	char *reason;

	if (report_source_open(&source, file, s->trim_path, s->source_path,
			       &reason)) {
		report_out_printf(l->out, " Error: %s\n", reason);
		free(reason);
		return;
	}
	find_bounds(l->g, run, &first, &last);
	for (int64_t i = first; i <= last && (uint64_t)i <= source.n_lines; i++)
		put_line(l, run, i, source.lines[i - 1]);
	report_source_close(&source);
}

static void put_file(struct listing *l, struct run run)
{
	const struct report *r = l->g->report;
	const struct report_node_key *k = key_of(l->g, run.nodes[0]);
	int64_t flat, cum;

	add_up(l->g, run, &flat, &cum);
	report_out_style(l->out, REPORT_HEADING);
	report_out_printf(l->out, "ROUTINE ======================== %s in %s\n",
			  report_graph_text(l->g, k->name),
			  report_graph_text(l->g, k->file));
	report_out_style(l->out, REPORT_PLAIN);
	report_out_printf(l->out, "%10s %10s (flat, cum) %s of Total\n",
			  report_label(r, flat).text, report_label(r, cum).text,
			  report_units_percent(cum, r->total).text);
	put_lines(l, run);
}

// How many nodes from START on have its name, and its file where BY_FILE.
static struct run run_from(const struct listing *l, size_t start, size_t end,
			   bool by_file)
{
	const struct report_node_key *k = key_of(l->g, l->nodes[start]);
	size_t i = start + 1;

	for (; i < end; i++) {
		const struct report_node_key *x = key_of(l->g, l->nodes[i]);

		if (x->name != k->name || (by_file && x->file != k->file))
			break;
	}
	return (struct run){l->nodes + start, i - start};
}

static void put_function(struct listing *l, size_t start, size_t end)
{
	const char *name =
		report_graph_text(l->g, key_of(l->g, l->nodes[start])->name);
	bool has_file = false;
	struct run run;

	for (size_t i = start; i < end; i += run.n) {
		run = run_from(l, i, end, true);
		if (!key_of(l->g, run.nodes[0])->file)
			continue;
		has_file = true;
		put_file(l, run);
	}
	if (!has_file)
		report_out_printf(l->out, "No source information for %s\n",
				  name);
}

int report_list(struct report *r, struct report_out *out,
		struct report_error *error)
{
	struct report_graph g;
	struct listing l = {.out = out, .g = &g};
	struct run run;
	int err = 0;

	report_graph_open(&g, r);
	find_nodes(&l);
	if (!l.n)
		err = report_error_set(error, -ENOENT,
				       "no function matches '%s'",
				       r->settings.regex);
	else
		report_out_printf(out, "Total: %s\n",
				  report_label(r, r->total).text);
	for (size_t i = 0; i < l.n; i += run.n) {
		run = run_from(&l, i, l.n, false);
		put_function(&l, i, i + run.n);
	}
	free(l.nodes);
	report_graph_close(&g);
	return err;
}
