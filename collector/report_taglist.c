// SPDX-License-Identifier: Apache-2.0
//
// Columns are as wide as their widest cell, flush right, as Go's tabwriter lays
// them out.
#include "collector/report_taglist.h"

#include "collector/report_index.h"
#include "collector/report_mem.h"
#include "collector/report_tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tag {
	uint32_t key, value; // texts
	int64_t weight;
};

struct tags {
	const struct report_profile *p;
	struct report_index index;
	struct tag *tags;
	size_t n, capacity;
};

struct same_tag {
	const struct tags *t;
	uint32_t key, value;
};

static bool is_same(void *arg, uint32_t i)
{
	const struct same_tag *s = arg;

	return s->t->tags[i].key == s->key && s->t->tags[i].value == s->value;
}

static void add_tag(struct tags *t, uint32_t key, uint32_t value,
		    int64_t weight)
{
	struct same_tag same = {t, key, value};
	uint64_t hash = ((uint64_t)key << 32 | value) * 0x9e3779b97f4a7c15ull;
	uint32_t at;

	hash ^= hash >> 32;
	at = report_index_find(&t->index, hash, is_same, &same);
	if (at == REPORT_NONE) {
		t->tags = report_mem_grow(t->tags, &t->capacity, t->n + 1,
					  sizeof(*t->tags));
		t->tags[t->n] = (struct tag){.key = key, .value = value};
		at = (uint32_t)t->n++;
		report_index_add(&t->index, hash, at);
	}
	t->tags[at].weight =
		(int64_t)((uint64_t)t->tags[at].weight + (uint64_t)weight);
}

static void add_sample(struct tags *t, const struct report *r, size_t i)
{
	const struct report_profile *p = r->profile;
	const struct report_sample *s = &p->samples[i];

	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];
		uint32_t value = l->text;

		if (!value)
			value = report_profile_intern(
				p, report_units_label(
					   l->num,
					   report_profile_text(
						   p, r->label_units[l->key]),
					   r->out_unit)
					   .text);
		add_tag(t, l->key, value, report_value(r, i));
	}
}

static int compare_tags(const void *a, const void *b, void *arg)
{
	const struct tag *x = a, *y = b;
	const struct report_profile *p = arg;
	int64_t v = report_units_abs(x->weight),
		w = report_units_abs(y->weight);
	int order = strcmp(report_profile_text(p, x->key),
			   report_profile_text(p, y->key));

	if (!order)
		order = (w > v) - (w < v);
	return order ? order
		     : strcmp(report_profile_text(p, x->value),
			      report_profile_text(p, y->value));
}

static size_t n_chars(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

// "12.5MB (3.10%):"
static void print_weight(const struct report *r, int64_t weight, int64_t total,
			 char ret_text[256])
{
	const char *unit;
	double v = report_units_scale(weight, r->unit, r->out_unit, &unit);

	if (total > 0)
		(void)snprintf(ret_text, 256, "%.1f%s (%s):", v, unit,
			       report_units_percent(weight, total).text);
	else
		(void)snprintf(ret_text, 256, "%.1f%s:", v, unit);
}

// The values of one key: tags[0] to tags[n - 1].
static void put_key(struct report_out *out, const struct report *r,
		    const struct tag *tags, size_t n)
{
	const struct report_profile *p = r->profile;
	const char *key = report_profile_text(p, tags[0].key), *unit;
	int width = (int)n_chars(key) + 2, wide = 0;
	int64_t total = 0;
	char text[256];
	double v;

	for (size_t i = 0; i < n; i++)
		total = (int64_t)((uint64_t)total + (uint64_t)tags[i].weight);
	for (size_t i = 0; i < n; i++) {
		print_weight(r, tags[i].weight, total, text);
		wide = (int)n_chars(text) > wide ? (int)n_chars(text) : wide;
	}
	v = report_units_scale(total, r->unit, r->out_unit, &unit);
	report_out_style(out, REPORT_HEADING);
	report_out_printf(out, " %s: Total %.1f%s\n", key, v, unit);
	report_out_style(out, REPORT_PLAIN);
	for (size_t i = 0; i < n; i++) {
		print_weight(r, tags[i].weight, total, text);
		report_out_style(out, report_out_heat(tags[i].weight, total));
		report_out_printf(out, "%*s%*s%s", width, "",
				  wide + 1 - (int)n_chars(text), "", text);
		report_out_style(out, REPORT_PLAIN);
		report_out_printf(out, " %s\n",
				  report_profile_text(p, tags[i].value));
	}
	report_out_printf(out, "\n");
}

int report_taglist(struct report *r, struct report_out *out,
		   struct report_error *error)
{
	struct tags t = {.p = r->profile};
	size_t start = 0;

	(void)error; // nothing can go wrong
	for (size_t i = 0; i < r->profile->n_samples; i++)
		add_sample(&t, r, i);
	if (t.n)
		qsort_r(t.tags, t.n, sizeof(*t.tags), compare_tags, r->profile);
	for (size_t i = 1; i <= t.n; i++)
		if (i == t.n || t.tags[i].key != t.tags[start].key) {
			put_key(out, r, t.tags + start, i - start);
			start = i;
		}
	report_index_fini(&t.index);
	free(t.tags);
	return 0;
}
