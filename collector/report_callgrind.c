// SPDX-License-Identifier: Apache-2.0
//
// Names are written once and referred to by number after that, positions
// relative to the one before where that is shorter: both are the format's.
#include "collector/report_callgrind.h"

#include "collector/hmap.h"
#include "collector/report_mem.h"
#include "collector/report_trim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writing {
	struct report_out *out;
	const struct report_graph *g;
	struct hmap objects, files, names; // text to number
	uint32_t *call_names;		   // of nodes: as calls to them say
	const struct report_node_key *previous;
};

// "(3) name" the first time, "(3)" from then on.
static void put_name(struct writing *w, const char *what, struct hmap *known,
		     uint32_t text)
{
	uint64_t *number = hmap_get(known, (uint64_t)text + 1);

	report_out_printf(w->out, "%s=", what);
	if (number) {
		report_out_printf(w->out, "(%" PRIu64 ")", *number);
	} else if (text) {
		report_out_printf(w->out, "(%zu) %s", known->count + 1,
				  report_graph_text(w->g, text));
		if (hmap_put(known, (uint64_t)text + 1, known->count + 1))
			report_mem_fail();
	}
	report_out_printf(w->out, "\n");
}

static void print_address(const struct writing *w, uint64_t address,
			  char ret_text[32])
{
	char relative[32];

	(void)snprintf(ret_text, 32, "0x%" PRIx64, address);
	if (!w->previous)
		return;
	(void)snprintf(relative, sizeof(relative), "%+" PRId64,
		       (int64_t)(address - w->previous->address));
	if (address == w->previous->address)
		(void)strcpy(ret_text, "*");
	else if (strlen(relative) < strlen(ret_text))
		(void)strcpy(ret_text, relative);
}

static int64_t whole(const struct report *r, int64_t value)
{
	const char *unit;

	return report_units_int(
		report_units_scale(value, r->unit, r->out_unit, &unit));
}

static void put_call(struct writing *w, const struct report_edge *e)
{
	const struct report_node_key *k = &w->g->nodes.list[e->callee].key;
	char address[32];

	put_name(w, "cfl", &w->files, k->file);
	put_name(w, "cfn", &w->names, w->call_names[e->callee]);
	print_address(w, k->address, address);
	report_out_printf(w->out, "calls=0 %s %" PRId64 "\n* * %" PRId64 "\n",
			  address, k->line, whole(w->g->report, e->weight));
}

static bool is_same_function(const struct report_node_key *a,
			     const struct report_node_key *b)
{
	return a && a->object == b->object && a->file == b->file &&
	       a->name == b->name;
}

static void put_node(struct writing *w, uint32_t node)
{
	const struct report_node *n = &w->g->nodes.list[node];
	char address[32];
	size_t n_edges;
	uint32_t *edges = report_graph_edges(w->g, node, false, &n_edges);

	if (!is_same_function(w->previous, &n->key)) {
		report_out_printf(w->out, "\n");
		put_name(w, "ob", &w->objects, n->key.object);
		put_name(w, "fl", &w->files, n->key.file);
		put_name(w, "fn", &w->names, n->key.name);
	}
	print_address(w, n->key.address, address);
	report_out_printf(w->out, "%s %" PRId64 " %" PRId64 "\n", address,
			  n->key.line, whole(w->g->report, n->flat));
	for (size_t i = 0; i < n_edges; i++)
		put_call(w, &w->g->edges[edges[i]]);
	free(edges);
	w->previous = &n->key;
}

// Functions of one name and file that are not the same (of two objects, or
// begun on two lines), in the order they are shown.
struct variants {
	struct hmap count;  // (file, name) to how many there are
	struct hmap number; // a function to which of them it is
};

static uint64_t name_key(const struct report_node_key *k)
{
	return ((uint64_t)k->file << 32 | k->name) + 1;
}

static uint64_t function_key(const struct report_node_key *k)
{
	uint64_t parts[] = {name_key(k), k->object, (uint64_t)k->start_line};

	return hmap_hash(parts, sizeof(parts)) | 1;
}

static void count_variants(struct variants *v, const struct report_graph *g)
{
	for (size_t i = 0; i < g->n_shown; i++) {
		const struct report_node_key *k =
			&g->nodes.list[g->shown[i]].key;
		uint64_t *n = hmap_get(&v->count, name_key(k));
		uint64_t number = n ? *n + 1 : 1;

		if (hmap_get(&v->number, function_key(k)))
			continue;
		if (hmap_put(&v->number, function_key(k), number) ||
		    hmap_put(&v->count, name_key(k), number))
			report_mem_fail();
	}
}

// "name [1/2]" where there are several.
static void name_calls(struct writing *w)
{
	const struct report_graph *g = w->g;
	struct variants v;

	hmap_init(&v.count);
	hmap_init(&v.number);
	count_variants(&v, g);
	w->call_names = report_mem_zero(g->nodes.n, sizeof(uint32_t));
	for (size_t i = 0; i < g->n_shown; i++) {
		const struct report_node_key *k =
			&g->nodes.list[g->shown[i]].key;
		uint64_t n = *hmap_get(&v.count, name_key(k));
		char *name;

		w->call_names[g->shown[i]] = k->name;
		if (n < 2)
			continue;
		if (asprintf(&name, "%s [%" PRIu64 "/%" PRIu64 "]",
			     report_graph_text(g, k->name),
			     *hmap_get(&v.number, function_key(k)), n) < 0)
			report_mem_fail();
		w->call_names[g->shown[i]] =
			report_profile_intern(g->report->profile, name);
		free(name);
	}
	hmap_fini(&v.count);
	hmap_fini(&v.number);
}

int report_callgrind(struct report *r, struct report_out *out,
		     struct report_error *error)
{
	struct report_graph g;
	struct report_trim trim;
	struct writing w = {.out = out, .g = &g};

	(void)error; // nothing can go wrong
	report_trim_open(&g, r, &trim);
	hmap_init(&w.objects);
	hmap_init(&w.files);
	hmap_init(&w.names);
	name_calls(&w);
	report_out_printf(out, "positions: instr line\nevents: %s(%s)\n",
			  r->type, r->out_unit);
	for (size_t i = 0; i < g.n_shown; i++)
		put_node(&w, g.shown[i]);
	hmap_fini(&w.objects);
	hmap_fini(&w.files);
	hmap_fini(&w.names);
	free(w.call_names);
	report_graph_close(&g);
	return 0;
}
