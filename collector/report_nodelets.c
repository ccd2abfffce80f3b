// SPDX-License-Identifier: Apache-2.0
//
// The walk over the samples is the graph's own, once more.
#include "collector/report_nodelets.h"

#include "collector/buf.h"
#include "collector/hmap.h"
#include "collector/report_mem.h"

#include <stdlib.h>
#include <string.h>

struct walk {
	struct report_nodelets *x;
	uint32_t *stamps; // of nodes: the last sample that was added, + 1
	uint32_t bytes;	  // the text
	size_t sample;
	int64_t weight;
	uint32_t label;
	uint32_t leaf; // REPORT_NONE: none
};

struct same_nodelet {
	const struct report_nodelets *x;
	uint32_t node, label, number;
};

static bool is_same(void *arg, uint32_t i)
{
	const struct same_nodelet *s = arg;
	const struct report_nodelet *a = &s->x->all[i];

	return a->node == s->node && a->label == s->label &&
	       a->number == s->number;
}

static struct report_nodelet *find(struct report_nodelets *x, uint32_t node,
				   uint32_t label, uint32_t number)
{
	struct same_nodelet same = {x, node, label, number};
	uint32_t key[] = {node, label, number};
	uint64_t hash = hmap_hash(key, sizeof(key));
	uint32_t at = report_index_find(&x->index, hash, is_same, &same);

	if (at != REPORT_NONE)
		return &x->all[at];
	x->all = report_mem_grow(x->all, &x->capacity, x->n + 1,
				 sizeof(*x->all));
	x->all[x->n] = (struct report_nodelet){.node = node,
					       .label = label,
					       .number = number,
					       .next = x->first[node]};
	x->first[node] = (uint32_t)x->n;
	report_index_add(&x->index, hash, (uint32_t)x->n);
	return &x->all[x->n++];
}

static void add_weight(struct report_nodelet *n, int64_t weight, bool is_flat)
{
	if (is_flat)
		n->flat += weight;
	else
		n->cum += weight;
}

static void add_number(struct walk *w, uint32_t node,
		       const struct report_label *l, bool is_flat)
{
	const struct report *r = w->x->g->report;
	uint32_t unit = r->label_units[l->key];
	struct report_units_text name = report_units_label(
		l->num, report_profile_text(r->profile, unit),
		r->settings.unit ? r->settings.unit : REPORT_UNITS_MINIMUM);
	struct report_nodelet *n =
		find(w->x, node, w->label,
		     report_profile_intern(r->profile, name.text));

	n->value = l->num;
	n->unit = unit;
	add_weight(n, w->weight, is_flat);
}

static void add_at(struct walk *w, uint32_t node, bool is_flat)
{
	const struct report_profile *p = w->x->g->report->profile;
	const struct report_sample *s = &p->samples[w->sample];

	if (w->label)
		add_weight(find(w->x, node, w->label, 0), w->weight, is_flat);
	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];

		if (!l->text && l->key == w->bytes)
			add_number(w, node, l, is_flat);
	}
}

static void add_frame(struct walk *w, uint32_t node)
{
	if (!w->x->g->nodes.list[node].is_shown) {
		w->leaf = REPORT_NONE;
		return;
	}
	w->leaf = node;
	if (w->stamps[node] == (uint32_t)w->sample + 1)
		return;
	w->stamps[node] = (uint32_t)w->sample + 1;
	add_at(w, node, false);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

// "key:value" with what dot would misread escaped.
static char *label_text(const struct report_profile *p,
			const struct report_label *l)
{
	const char *parts[] = {report_profile_text(p, l->key), ":",
			       report_profile_text(p, l->text)};
	struct buf text;

	buf_init(&text);
	for (int i = 0; i < 3; i++)
		for (const char *c = parts[i]; *c; c++)
			buf_printf(&text, "%s%c",
				   *c == '"' || *c == '\\' ? "\\" : "", *c);
	if (buf_error(&text))
		report_mem_fail();
	return text.data;
}

// The texts of the sample's labels as one.
static uint32_t join_labels(const struct report_profile *p, size_t i)
{
	const struct report_sample *s = &p->samples[i];
	char **texts = report_mem_zero(s->n_labels, sizeof(*texts));
	struct buf joined;
	uint32_t n = 0, label;

	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];

		if (l->text && strcmp(report_profile_text(p, l->key),
				      REPORT_BASE_LABEL) != 0)
			texts[n++] = label_text(p, l);
	}
	qsort(texts, n, sizeof(*texts), compare_texts);
	buf_init(&joined);
	for (uint32_t k = 0; k < n; k++) {
		buf_printf(&joined, "%s%s", k ? "\\n" : "", texts[k]);
		free(texts[k]);
	}
	if (buf_error(&joined))
		report_mem_fail();
	label = joined.data ? report_profile_intern(p, joined.data) : 0;
	buf_fini(&joined);
	free(texts);
	return label;
}

static void add_sample(struct walk *w, size_t i)
{
	const struct report_graph *g = w->x->g;
	const struct report_profile *p = g->report->profile;
	const struct report_sample *s = &p->samples[i];

	w->weight = report_value(g->report, i);
	if (!w->weight)
		return;
	w->sample = i;
	w->label = join_labels(p, i);
	w->leaf = REPORT_NONE;
	for (uint32_t k = s->n_frames; k; k--) {
		uint32_t at = p->stack[s->first_frame + k - 1];
		const struct report_location *l = &p->locations[at];

		if (!l->n_lines)
			add_frame(w, g->nodes.of_location[at]);
		for (uint32_t n = l->n_lines; n; n--)
			add_frame(w, g->nodes.of_line[l->first_line + n - 1]);
	}
	if (w->leaf != REPORT_NONE)
		add_at(w, w->leaf, true);
}

// Forgets those below CUTOFF.
static void cut(struct report_nodelets *x, int64_t cutoff)
{
	for (size_t i = 0; i < x->g->nodes.n; i++)
		for (uint32_t *at = &x->first[i]; *at != REPORT_NONE;) {
			struct report_nodelet *n = &x->all[*at];

			if (report_units_abs(n->flat) < cutoff &&
			    report_units_abs(n->cum) < cutoff)
				*at = n->next;
			else
				at = &n->next;
		}
}

void report_nodelets_open(struct report_nodelets *x,
			  const struct report_graph *g, int64_t cutoff)
{
	const struct report_profile *p = g->report->profile;
	struct walk w = {.x = x};

	*x = (struct report_nodelets){.g = g};
	x->first = report_mem_zero(g->nodes.n, sizeof(*x->first));
	for (size_t i = 0; i < g->nodes.n; i++)
		x->first[i] = REPORT_NONE;
	w.stamps = report_mem_zero(g->nodes.n, sizeof(*w.stamps));
	w.bytes = report_profile_intern(p, "bytes");
	for (size_t i = 0; i < p->n_samples; i++)
		add_sample(&w, i);
	free(w.stamps);
	cut(x, cutoff);
}

void report_nodelets_close(struct report_nodelets *x)
{
	report_index_fini(&x->index);
	free(x->all);
	free(x->first);
	*x = (struct report_nodelets){0};
}

size_t *report_nodelets_count(const struct report_graph *g, int64_t cutoff)
{
	size_t *counts = report_mem_zero(g->nodes.n, sizeof(*counts));
	struct report_nodelets x;

	report_nodelets_open(&x, g, cutoff);
	for (size_t i = 0; i < g->nodes.n; i++)
		for (uint32_t k = x.first[i]; k != REPORT_NONE;
		     k = x.all[k].next)
			counts[i] += x.all[k].flat != 0;
	report_nodelets_close(&x);
	return counts;
}
