// SPDX-License-Identifier: Apache-2.0
//
// For each kind of thing: a key, a hash of it, and a table of those there are.
// Things are added in the order samples need them, so ids come out as pprof's
// do.
#include "collector/report_merge.h"

#include "collector/hmap.h"
#include "collector/report_index.h"
#include "collector/report_mem.h"
#include "collector/report_units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Mappings' sizes are compared in pages.
#define PAGE_BYTES 0x1000u

struct merger {
	struct report_profile *to;
	const struct report_profile *from;
	struct report_index mappings, functions, locations, samples;
	// Of `from`: index in `to` + 1, 0 while it isn't known.
	uint32_t *mapping_of, *function_of, *location_of;
	struct report_label *labels; // of the sample at hand, sorted
	size_t labels_capacity;
};

struct mapping_key {
	uint64_t size, offset, name;
};

static struct mapping_key mapping_key(const struct report_mapping *m)
{
	uint64_t size = m->limit - m->start + PAGE_BYTES - 1;

	return (struct mapping_key){size - size % PAGE_BYTES, m->offset,
				    m->build_id ? m->build_id : m->file};
}

struct same_mapping {
	const struct merger *m;
	struct mapping_key key;
};

static bool is_same_mapping(void *arg, uint32_t value)
{
	struct same_mapping *s = arg;
	struct mapping_key key = mapping_key(&s->m->to->mappings[value]);

	return !memcmp(&key, &s->key, sizeof(key));
}

static uint32_t map_mapping(struct merger *m, uint32_t i)
{
	struct same_mapping same = {.m = m};
	uint64_t hash;
	uint32_t at;

	if (i == REPORT_NONE)
		return REPORT_NONE;
	if (m->mapping_of[i])
		return m->mapping_of[i] - 1;
	same.key = mapping_key(&m->from->mappings[i]);
	hash = hmap_hash(&same.key, sizeof(same.key));
	at = report_index_find(&m->mappings, hash, is_same_mapping, &same);
	if (at == REPORT_NONE) {
		at = (uint32_t)m->to->n_mappings;
		*report_profile_add_mapping(m->to) = m->from->mappings[i];
		m->to->mappings[at].id = at + 1;
		report_index_add(&m->mappings, hash, at);
	}
	m->mapping_of[i] = at + 1;
	return at;
}

struct same_function {
	const struct merger *m;
	const struct report_function *f;
};

static bool is_same_function(void *arg, uint32_t value)
{
	struct same_function *s = arg;
	const struct report_function *a = &s->m->to->functions[value];

	return a->name == s->f->name && a->system_name == s->f->system_name &&
	       a->file == s->f->file && a->start_line == s->f->start_line;
}

static uint32_t map_function(struct merger *m, uint32_t i)
{
	const struct report_function *f = &m->from->functions[i];
	struct same_function same = {m, f};
	uint64_t key[] = {f->name, f->system_name, f->file,
			  (uint64_t)f->start_line};
	uint64_t hash;
	uint32_t at;

	if (m->function_of[i])
		return m->function_of[i] - 1;
	hash = hmap_hash(key, sizeof(key));
	at = report_index_find(&m->functions, hash, is_same_function, &same);
	if (at == REPORT_NONE) {
		at = (uint32_t)m->to->n_functions;
		*report_profile_add_function(m->to) = *f;
		m->to->functions[at].id = at + 1;
		report_index_add(&m->functions, hash, at);
	}
	m->function_of[i] = at + 1;
	return at;
}

// Addresses are compared within their mappings: programs are loaded anywhere.
static uint64_t place(const struct report_profile *p,
		      const struct report_location *l)
{
	return l->address -
	       (l->mapping == REPORT_NONE ? 0 : p->mappings[l->mapping].start);
}

struct same_location {
	const struct merger *m;
	const struct report_location *l; // with its lines behind those of `to`
};

static bool is_same_location(void *arg, uint32_t value)
{
	struct same_location *s = arg;
	const struct report_profile *p = s->m->to;
	const struct report_location *a = &p->locations[value], *b = s->l;

	if (place(p, a) != place(p, b) || a->mapping != b->mapping ||
	    a->is_folded != b->is_folded || a->n_lines != b->n_lines)
		return false;
	for (uint32_t i = 0; i < a->n_lines; i++) {
		const struct report_line *x = &p->lines[a->first_line + i];
		const struct report_line *y = &p->lines[b->first_line + i];

		if (x->function != y->function || x->line != y->line)
			return false;
	}
	return true;
}

static uint64_t hash_location(const struct report_profile *p,
			      const struct report_location *l)
{
	uint64_t key[] = {place(p, l), l->mapping, l->is_folded, l->n_lines};
	uint64_t h = hmap_hash(key, sizeof(key));

	for (uint32_t i = 0; i < l->n_lines; i++) {
		const struct report_line *line = &p->lines[l->first_line + i];
		uint64_t more[] = {h, line->function, (uint64_t)line->line};

		h = hmap_hash(more, sizeof(more));
	}
	return h;
}

// Location I of `from` in terms of `to`; its lines are appended there.
static struct report_location translate(struct merger *m, uint32_t i)
{
	struct report_location l = m->from->locations[i];
	uint32_t from_line = l.first_line, from_mapping = l.mapping;

	l.mapping = map_mapping(m, from_mapping);
	if (l.mapping != REPORT_NONE)
		l.address += m->to->mappings[l.mapping].start -
			     m->from->mappings[from_mapping].start;
	l.first_line = (uint32_t)m->to->n_lines;
	for (uint32_t k = 0; k < l.n_lines; k++) {
		struct report_line line = m->from->lines[from_line + k];

		line.function = map_function(m, line.function);
		*report_profile_add_line(m->to) = line;
	}
	return l;
}

static uint32_t map_location(struct merger *m, uint32_t i)
{
	struct report_location l;
	struct same_location same = {m, &l};
	uint64_t hash;
	uint32_t at;

	if (m->location_of[i])
		return m->location_of[i] - 1;
	l = translate(m, i);
	hash = hash_location(m->to, &l);
	at = report_index_find(&m->locations, hash, is_same_location, &same);
	if (at == REPORT_NONE) {
		at = (uint32_t)m->to->n_locations;
		l.id = at + 1;
		*report_profile_add_location(m->to) = l;
		report_index_add(&m->locations, hash, at);
	} else {
		m->to->n_lines = l.first_line; // not needed twice
	}
	m->location_of[i] = at + 1;
	return at;
}

// By kind and key; values of one key keep their order.
static bool is_behind(const struct report_label *a,
		      const struct report_label *b)
{
	if (!a->text != !b->text)
		return !a->text;
	return a->key > b->key;
}

static void sort_labels(struct merger *m, const struct report_sample *s)
{
	m->labels = report_mem_grow(m->labels, &m->labels_capacity,
				    s->n_labels + 1, sizeof(*m->labels));
	for (uint32_t i = 0; i < s->n_labels; i++) {
		struct report_label l = m->from->labels[s->first_label + i];
		uint32_t at = i;

		for (; at && is_behind(&m->labels[at - 1], &l); at--)
			m->labels[at] = m->labels[at - 1];
		m->labels[at] = l;
	}
}

static bool is_same_label(const struct report_label *a,
			  const struct report_label *b)
{
	return a->key == b->key && a->text == b->text && a->unit == b->unit &&
	       a->num == b->num;
}

// Whether sample VALUE is the same as the last one.
static bool is_same_sample(void *arg, uint32_t value)
{
	const struct report_profile *p = arg;
	const struct report_sample *a = &p->samples[value];
	const struct report_sample *b = &p->samples[p->n_samples - 1];

	if (a->n_frames != b->n_frames || a->n_labels != b->n_labels ||
	    memcmp(p->stack + a->first_frame, p->stack + b->first_frame,
		   a->n_frames * sizeof(*p->stack)) != 0)
		return false;
	for (uint32_t i = 0; i < a->n_labels; i++)
		if (!is_same_label(&p->labels[a->first_label + i],
				   &p->labels[b->first_label + i]))
			return false;
	return true;
}

static uint64_t hash_sample(const struct report_profile *p,
			    const struct report_sample *s)
{
	uint64_t h = hmap_hash(p->stack + s->first_frame,
			       s->n_frames * sizeof(*p->stack));

	for (uint32_t i = 0; i < s->n_labels; i++) {
		const struct report_label *l = &p->labels[s->first_label + i];
		uint64_t more[] = {h, l->key, l->text, l->unit,
				   (uint64_t)l->num};

		h = hmap_hash(more, sizeof(more));
	}
	return h;
}

// Takes the last sample back: it is the same as sample AT, and is added to it.
static void fold_last(struct report_profile *p, uint32_t at)
{
	const struct report_sample *s = &p->samples[p->n_samples - 1];
	const int64_t *from = report_profile_values(p, p->n_samples - 1);
	int64_t *to = report_profile_values(p, at);

	for (size_t i = 0; i < p->n_types; i++)
		to[i] = (int64_t)((uint64_t)to[i] + (uint64_t)from[i]);
	p->n_stack = s->first_frame;
	p->n_labels = s->first_label;
	p->n_samples--;
}

static void map_sample(struct merger *m, size_t i)
{
	const struct report_sample *s = &m->from->samples[i];
	struct report_profile *to = m->to;
	uint64_t hash;
	uint32_t at;

	(void)report_profile_add_sample(to);
	memcpy(report_profile_values(to, to->n_samples - 1),
	       report_profile_values(m->from, i),
	       to->n_types * sizeof(*to->values));
	for (uint32_t k = 0; k < s->n_frames; k++)
		report_profile_add_frame(
			to,
			map_location(m, m->from->stack[s->first_frame + k]));
	sort_labels(m, s);
	for (uint32_t k = 0; k < s->n_labels; k++)
		report_profile_add_label(to, &m->labels[k]);
	hash = hash_sample(to, &to->samples[to->n_samples - 1]);
	at = report_index_find(&m->samples, hash, is_same_sample, to);
	if (at == REPORT_NONE)
		report_index_add(&m->samples, hash,
				 (uint32_t)to->n_samples - 1);
	else
		fold_last(to, at);
}

static bool is_zero(const struct report_profile *p, size_t i)
{
	const int64_t *v = report_profile_values(p, i);

	for (size_t k = 0; k < p->n_types; k++)
		if (v[k])
			return false;
	return true;
}

static void add_profile(struct merger *m, const struct report_profile *from)
{
	m->from = from;
	m->mapping_of = report_mem_zero(from->n_mappings, sizeof(uint32_t));
	m->function_of = report_mem_zero(from->n_functions, sizeof(uint32_t));
	m->location_of = report_mem_zero(from->n_locations, sizeof(uint32_t));
	// The first mapping is the main program, and stays the first.
	if (!m->to->n_mappings && from->n_mappings)
		(void)map_mapping(m, 0);
	for (size_t i = 0; i < from->n_samples; i++)
		if (!is_zero(from, i))
			map_sample(m, i);
	free(m->mapping_of);
	free(m->function_of);
	free(m->location_of);
}

static bool has_comment(const struct report_profile *p, uint32_t text)
{
	for (size_t i = 0; i < p->n_comments; i++)
		if (p->comments[i] == text)
			return true;
	return false;
}

static void add_header(struct report_profile *to,
		       const struct report_profile *from)
{
	if (!to->time_ns || from->time_ns < to->time_ns)
		to->time_ns = from->time_ns;
	to->duration_ns += from->duration_ns;
	if (!to->period || to->period < from->period)
		to->period = from->period;
	for (size_t i = 0; i < from->n_comments; i++)
		if (!has_comment(to, from->comments[i]))
			report_profile_add_comment(to, from->comments[i]);
	if (!to->default_type)
		to->default_type = from->default_type;
}

static void begin(struct report_profile *to, const struct report_profile *first)
{
	report_profile_init(to, first->texts);
	for (size_t i = 0; i < first->n_types; i++)
		*report_profile_add_type(to) = first->types[i];
	to->drop_frames = first->drop_frames;
	to->keep_frames = first->keep_frames;
	to->period_type = first->period_type;
}

static void add_up(const struct report_profile *profiles, size_t n,
		   struct report_profile *to)
{
	struct merger m = {.to = to};

	begin(to, &profiles[0]);
	for (size_t i = 0; i < n; i++)
		add_header(to, &profiles[i]);
	for (size_t i = 0; i < n; i++)
		add_profile(&m, &profiles[i]);
	report_index_fini(&m.mappings);
	report_index_fini(&m.functions);
	report_index_fini(&m.locations);
	report_index_fini(&m.samples);
	free(m.labels);
}

static int refuse(const struct report_profile *a,
		  const struct report_profile *b, const char *const *names,
		  size_t i, struct report_error *error)
{
	const char *t =
		a->n_types ? report_profile_text(a, a->types[0].type) : "none";
	const char *u =
		b->n_types ? report_profile_text(b, b->types[0].type) : "none";

	return report_error_set(error, -EINVAL,
				"'%s' and '%s' are profiles of different kinds "
				"(%zu sample types from '%s', %zu from '%s')",
				names[0], names[i], a->n_types, t, b->n_types,
				u);
}

// Types may differ by a plural.
static bool is_same_type(const char *a, const char *b)
{
	size_t n_a = strlen(a), n_b = strlen(b);

	n_a -= n_a && a[n_a - 1] == 's';
	n_b -= n_b && b[n_b - 1] == 's';
	return n_a == n_b && !strncmp(a, b, n_a);
}

static bool fits(const struct report_profile *p,
		 const struct report_value_type *a,
		 const struct report_value_type *b)
{
	return is_same_type(report_profile_text(p, a->type),
			    report_profile_text(p, b->type)) &&
	       report_units_are_alike(report_profile_text(p, a->unit),
				      report_profile_text(p, b->unit));
}

static void scale_type(struct report_profile *p, size_t type, uint32_t unit)
{
	const char *to;
	double ratio =
		report_units_scale(1,
				   report_profile_text(p, p->types[type].unit),
				   report_profile_text(p, unit), &to);

	p->types[type].unit = unit;
	if (ratio == 1)
		return;
	for (size_t i = 0; i < p->n_samples; i++) {
		int64_t *v = &report_profile_values(p, i)[type];

		*v = report_units_int(round((double)*v * ratio));
	}
}

// The finer of two units of one family.
static uint32_t finer_unit(const struct report_profile *p, uint32_t a,
			   uint32_t b)
{
	const char *to;

	return report_units_scale(1, report_profile_text(p, b),
				  report_profile_text(p, a), &to) < 1
		       ? b
		       : a;
}

static int make_alike(struct report_profile *profiles, const char *const *names,
		      size_t n, struct report_error *error)
{
	struct report_profile *first = &profiles[0];

	for (size_t i = 1; i < n; i++) {
		struct report_profile *p = &profiles[i];

		if (p->n_types != first->n_types ||
		    !fits(p, &p->period_type, &first->period_type))
			return refuse(first, p, names, i, error);
		for (size_t k = 0; k < p->n_types; k++)
			if (!fits(p, &p->types[k], &first->types[k]))
				return refuse(first, p, names, i, error);
	}
	for (size_t k = 0; k < first->n_types; k++) {
		uint32_t unit = first->types[k].unit;

		for (size_t i = 1; i < n; i++)
			unit = finer_unit(first, unit,
					  profiles[i].types[k].unit);
		for (size_t i = 0; i < n; i++)
			scale_type(&profiles[i], k, unit);
	}
	return 0;
}

static bool has_zero_sample(const struct report_profile *p)
{
	for (size_t i = 0; i < p->n_samples; i++)
		if (is_zero(p, i))
			return true;
	return false;
}

int report_merge(struct report_profile *profiles, const char *const *names,
		 size_t n, struct report_profile *ret_sum,
		 struct report_error *error)
{
	struct report_profile sum, again;
	int err = n > 1 ? make_alike(profiles, names, n, error) : 0;

	if (err)
		return err;
	add_up(profiles, n, &sum);
	// What cancelled out goes, with all that only it needed.
	if (has_zero_sample(&sum)) {
		add_up(&sum, 1, &again);
		report_profile_fini(&sum);
		sum = again;
	}
	*ret_sum = sum;
	return 0;
}

void report_merge_negate(struct report_profile *p)
{
	for (size_t i = 0; i < p->n_samples * p->n_types; i++)
		p->values[i] = report_units_int(-(double)p->values[i]);
}

void report_merge_mark_base(struct report_profile *p)
{
	struct report_label label = {
		.key = report_profile_intern(p, REPORT_BASE_LABEL),
		.text = report_profile_intern(p, "true")};
	struct report_label *old = p->labels;

	p->labels = NULL;
	p->n_labels = p->labels_capacity = 0;
	for (size_t i = 0; i < p->n_samples; i++) {
		struct report_sample s = p->samples[i];

		// They go to the end of a new array, sample by sample.
		p->labels = report_mem_grow(p->labels, &p->labels_capacity,
					    p->n_labels + s.n_labels + 1,
					    sizeof(*p->labels));
		if (s.n_labels)
			memcpy(p->labels + p->n_labels, old + s.first_label,
			       s.n_labels * sizeof(*old));
		p->labels[p->n_labels + s.n_labels] = label;
		p->samples[i].first_label = p->n_labels;
		p->samples[i].n_labels = ++s.n_labels;
		p->n_labels += s.n_labels;
	}
	free(old);
}
