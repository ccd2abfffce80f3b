// SPDX-License-Identifier: Apache-2.0
//
// A filter is a range where it reads as one ("64kb:", "10:20"), else a list of
// regular expressions; KEY= in front keeps it to one label.
#include "collector/report_tags.h"

#include "collector/hmap.h"
#include "collector/report_mem.h"
#include "collector/report_regex.h"
#include "collector/report_units.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX_BYTES 64
#define REGEXES_MAX    64

struct bound {
	bool is_set;
	double value;
};

struct tag_filter {
	char *key; // "": any
	bool is_range;
	struct bound low, high;
	char unit[WORD_MAX_BYTES];
	struct report_regex *regexes[REGEXES_MAX];
	int n_regexes;
};

uint32_t report_tags_next(const struct report_profile *p,
			  const struct report_sample *s, uint32_t i)
{
	const struct report_label *l = p->labels + s->first_label;
	uint32_t k = i + 1;

	while (k < s->n_labels && l[k].key == l[i].key &&
	       !l[k].text == !l[i].text)
		k++;
	return k;
}

bool report_tags_has_unit(const struct report_profile *p,
			  const struct report_sample *s, uint32_t i,
			  uint32_t end)
{
	for (; i < end; i++)
		if (p->labels[s->first_label + i].unit)
			return true;
	return false;
}

// Without a unit, a key is taken for one; these two are known not to be.
static uint32_t infer_unit(const struct report_profile *p, uint32_t key)
{
	const char *text = report_profile_text(p, key);

	if (!strcmp(text, "alignment") || !strcmp(text, "request"))
		return report_profile_intern(p, "bytes");
	return key;
}

uint32_t *report_tags_units(const struct report_profile *p)
{
	uint32_t *units = report_mem_zero(p->texts->n_texts, sizeof(*units));

	for (size_t i = 0; i < p->n_samples; i++)
		for (uint32_t k = 0; k < p->samples[i].n_labels; k++) {
			const struct report_label *l =
				&p->labels[p->samples[i].first_label + k];

			if (!l->text && !units[l->key])
				units[l->key] = l->unit;
		}
	for (size_t i = 0; i < p->n_samples; i++)
		for (uint32_t k = 0; k < p->samples[i].n_labels; k++) {
			const struct report_label *l =
				&p->labels[p->samples[i].first_label + k];

			if (!l->text && !units[l->key])
				units[l->key] = infer_unit(p, l->key);
		}
	return units;
}

// A number and its unit at TEXT. How many bytes they are; 0: there is none.
static size_t read_bound(const char *text, int64_t *ret_number,
			 char ret_unit[WORD_MAX_BYTES])
{
	const char *at = text + (*text == '+' || *text == '-');
	size_t n_digits = strspn(at, "0123456789"), n_unit = 0;

	if (!n_digits)
		return 0;
	*ret_number = strtoll(text, NULL, 10); // too much is the most
	at += n_digits;
	while (n_unit < WORD_MAX_BYTES - 1 &&
	       isalpha((unsigned char)at[n_unit]))
		n_unit++;
	memcpy(ret_unit, at, n_unit);
	ret_unit[n_unit] = '\0';
	return (size_t)(at - text) + n_unit;
}

static void set_unit(struct tag_filter *f, const char *unit)
{
	size_t n = strnlen(unit, sizeof(f->unit) - 1);

	memcpy(f->unit, unit, n);
	f->unit[n] = '\0';
}

static struct bound bound_of(int64_t number, const char *from, const char *to,
			     const char **ret_unit)
{
	return (struct bound){true,
			      report_units_scale(number, from, to, ret_unit)};
}

// "10kb", "10kb:", ":10kb" or "10kb:20mb".
static bool read_range(struct tag_filter *f, const char *text)
{
	int64_t number;
	char word[WORD_MAX_BYTES];
	const char *unit;
	bool is_upper = *text == ':';
	size_t n = read_bound(text + is_upper, &number, word);
	struct bound b;

	if (!n)
		return false;
	b = bound_of(number, word, word, &unit);
	set_unit(f, unit);
	text += is_upper + n;
	if (is_upper)
		f->high = b;
	else
		f->low = b;
	if (is_upper || (*text == ':' && !text[1]))
		return is_upper ? !*text : true;
	if (!*text) {
		f->high = b;
		return true;
	}
	n = *text == ':' ? read_bound(text + 1, &number, word) : 0;
	if (!n || text[1 + n])
		return false;
	f->high = bound_of(number, word, f->unit, &unit);
	return !strcmp(unit, f->unit);
}

static int read_regexes(struct tag_filter *f, const char *text,
			const char *name, struct report_error *error)
{
	while (f->n_regexes < REGEXES_MAX) {
		size_t n = strcspn(text, ",");
		char *one = report_mem_text(text, n);
		struct report_regex *r = report_regex_new(one, name, error);

		free(one);
		if (!r)
			return -EINVAL;
		f->regexes[f->n_regexes++] = r;
		if (!text[n])
			return 0;
		text += n + 1;
	}
	return report_error_set(error, -EINVAL,
				"%s has more than %d regular expressions", name,
				REGEXES_MAX);
}

static int open_filter(struct tag_filter *f, const char *text, const char *name,
		       struct report_error *error)
{
	const char *equals = strchr(text, '=');

	f->key = report_mem_text(text, equals ? (size_t)(equals - text) : 0);
	if (equals)
		text = equals + 1;
	f->is_range = read_range(f, text);
	return f->is_range ? 0 : read_regexes(f, text, name, error);
}

static void close_filter(struct tag_filter *f)
{
	for (int i = 0; i < f->n_regexes; i++)
		report_regex_free(f->regexes[i]);
	free(f->key);
}

static bool is_in_range(const struct tag_filter *f,
			const struct report_profile *p,
			const struct report_label *l, const uint32_t *units)
{
	const char *unit;
	double v = report_units_scale(
		l->num, report_profile_text(p, units[l->key]), f->unit, &unit);

	return !strcmp(unit, f->unit) &&
	       (!f->low.is_set || v >= f->low.value) &&
	       (!f->high.is_set || v <= f->high.value);
}

static bool is_of_key(const struct tag_filter *f,
		      const struct report_profile *p,
		      const struct report_label *l)
{
	return !*f->key || !strcmp(report_profile_text(p, l->key), f->key);
}

// With a key, the value is matched, else "key:value".
static bool regex_matches(const struct tag_filter *f,
			  const struct report_profile *p,
			  const struct report_label *l, int i)
{
	const char *key = report_profile_text(p, l->key);
	const char *value = report_profile_text(p, l->text);
	char *both;
	bool is_match;

	if (*f->key)
		return report_regex_matches(f->regexes[i], value);
	both = report_mem_zero(strlen(key) + strlen(value) + 2, 1);
	(void)strcat(strcat(strcpy(both, key), ":"), value);
	is_match = report_regex_matches(f->regexes[i], both);
	free(both);
	return is_match;
}

static bool has_match(const struct tag_filter *f,
		      const struct report_profile *p,
		      const struct report_sample *s, int i)
{
	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];

		if (l->text && is_of_key(f, p, l) && regex_matches(f, p, l, i))
			return true;
	}
	return false;
}

// With a key one of the regexes is enough, without all are needed.
static bool matches(const struct tag_filter *f, const struct report_profile *p,
		    const struct report_sample *s, const uint32_t *units)
{
	bool is_any = *f->key;

	for (uint32_t k = 0; f->is_range && k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];

		if (!l->text && is_of_key(f, p, l) &&
		    is_in_range(f, p, l, units))
			return true;
	}
	if (f->is_range)
		return false;
	for (int i = 0; i < f->n_regexes; i++)
		if (has_match(f, p, s, i) == is_any)
			return is_any;
	return !is_any;
}

// Keeps the samples that match TEXT, or those that don't.
static int filter_samples(struct report_profile *p, const char *text,
			  const char *name, bool is_kept,
			  struct report_error *error)
{
	struct tag_filter f = {0};
	uint32_t *units = report_tags_units(p);
	bool *keep = report_mem_zero(p->n_samples, sizeof(*keep));
	bool has_matched = false;
	int err = open_filter(&f, text, name, error);

	for (size_t i = 0; !err && i < p->n_samples; i++) {
		bool is_match = matches(&f, p, &p->samples[i], units);

		has_matched |= is_match;
		keep[i] = is_match == is_kept;
	}
	if (!err)
		report_profile_keep_samples(p, keep);
	free(keep);
	free(units);
	close_filter(&f);
	return err ? err : has_matched;
}

// Keeps the labels whose key matches SHOW and not HIDE.
static void filter_keys(struct report_profile *p, struct report_regex *show,
			struct report_regex *hide, bool *ret_shown,
			bool *ret_hidden)
{
	for (size_t i = 0; i < p->n_samples; i++) {
		struct report_sample *s = &p->samples[i];
		struct report_label *l = p->labels + s->first_label;
		uint32_t n = 0;

		for (uint32_t k = 0; k < s->n_labels; k++) {
			const char *key = report_profile_text(p, l[k].key);
			bool is_shown =
				!show || report_regex_matches(show, key);
			bool is_hidden =
				hide && report_regex_matches(hide, key);

			*ret_shown |= is_shown;
			*ret_hidden |= is_hidden;
			if (is_shown && !is_hidden)
				l[n++] = l[k];
		}
		s->n_labels = n;
	}
}

static int apply_keys(struct report_profile *p, const struct report_settings *s,
		      report_tags_idle_fn *idle, struct report_error *error)
{
	struct report_regex *show = NULL, *hide = NULL;
	bool has_shown = false, has_hidden = false;
	int err = 0;

	if (s->tagshow) {
		show = report_regex_new(s->tagshow, "--tagshow", error);
		err = show ? 0 : -EINVAL;
	}
	if (!err && s->taghide) {
		hide = report_regex_new(s->taghide, "--taghide", error);
		err = hide ? 0 : -EINVAL;
	}
	if (!err && (show || hide))
		filter_keys(p, show, hide, &has_shown, &has_hidden);
	if (!err && show && !has_shown)
		idle("--tagshow");
	if (!err && hide && !has_hidden)
		idle("--taghide");
	report_regex_free(show);
	report_regex_free(hide);
	return err;
}

int report_tags_filter(struct report_profile *p,
		       const struct report_settings *s,
		       report_tags_idle_fn *idle, struct report_error *error)
{
	int said;

	if (s->tagfocus && *s->tagfocus) {
		said = filter_samples(p, s->tagfocus, "--tagfocus", true,
				      error);
		if (said < 0)
			return said;
		if (!said)
			idle("--tagfocus");
	}
	if (s->tagignore && *s->tagignore) {
		said = filter_samples(p, s->tagignore, "--tagignore", false,
				      error);
		if (said < 0)
			return said;
		if (!said)
			idle("--tagignore");
	}
	return apply_keys(p, s, idle, error);
}

// The location for a label's VALUE under KEY, which is made when it is new.
struct maker {
	struct report_profile *p;
	struct hmap made; // key and value to location
	const char *unit;
	bool has_matched;
};

static uint32_t make_location(struct maker *m, uint32_t key, uint32_t value)
{
	uint64_t id = ((uint64_t)key << 32 | value) + 1;
	uint64_t *known = hmap_get(&m->made, id);
	struct report_profile *p = m->p;
	struct report_function *f;
	struct report_location *l;

	if (known)
		return (uint32_t)*known;
	f = report_profile_add_function(p);
	f->id = p->n_functions;
	f->name = value;
	f->file = key;
	l = report_profile_add_location(p);
	l->id = p->n_locations;
	l->n_lines = 1;
	*report_profile_add_line(p) =
		(struct report_line){.function = (uint32_t)p->n_functions - 1};
	if (hmap_put(&m->made, id, p->n_locations - 1))
		report_mem_fail();
	return (uint32_t)p->n_locations - 1;
}

// Text of all values sample I has under KEY, "a,b"; the caller frees.
static char *join_values(struct maker *m, size_t i, const char *key)
{
	const struct report_profile *p = m->p;
	const struct report_sample *s = &p->samples[i];
	size_t n = 0, capacity = 0;
	char *joined = report_mem_grow(NULL, &capacity, 1, 1);

	joined[0] = '\0';
	for (uint32_t k = 0; k < s->n_labels; k++) {
		const struct report_label *l = &p->labels[s->first_label + k];
		struct report_units_text number;
		const char *value;

		if (strcmp(report_profile_text(p, l->key), key) != 0)
			continue;
		number = report_units_label(l->num,
					    report_profile_text(p, l->unit),
					    l->unit ? m->unit : "");
		value = l->text ? report_profile_text(p, l->text) : number.text;
		joined = report_mem_grow(joined, &capacity,
					 n + strlen(value) + 2, 1);
		n += (size_t)snprintf(joined + n, capacity - n, "%s%s",
				      n ? "," : "", value);
		m->has_matched = true;
	}
	return joined;
}

// The frames KEYS stand for, the last key first, appended to the last sample.
static void add_frames(struct maker *m, size_t i, const char *keys)
{
	size_t n = keys ? strlen(keys) : 0;

	while (n) {
		size_t start = n;
		char *key, *value;

		while (start && keys[start - 1] != ',')
			start--;
		if (start < n) {
			key = report_mem_text(keys + start, n - start);
			value = join_values(m, i, key);
			m->p->stack = report_mem_grow(m->p->stack,
						      &m->p->stack_capacity,
						      m->p->n_stack + 1,
						      sizeof(*m->p->stack));
			m->p->stack[m->p->n_stack++] = make_location(
				m, report_profile_intern(m->p, key),
				report_profile_intern(m->p, value));
			free(key);
			free(value);
		}
		n = start ? start - 1 : 0;
	}
}

void report_tags_add_frames(struct report_profile *p,
			    const struct report_settings *s,
			    report_tags_idle_fn *idle)
{
	struct maker m = {.p = p, .unit = s->unit ? s->unit : "minimum"};
	bool has_root = false, has_leaf = false;

	if (!s->tagroot && !s->tagleaf)
		return;
	hmap_init(&m.made);
	for (size_t i = 0; i < p->n_samples; i++) {
		struct report_sample a = p->samples[i];
		size_t first = p->n_stack;

		m.has_matched = false;
		add_frames(&m, i, s->tagleaf);
		has_leaf |= m.has_matched;
		p->stack = report_mem_grow(p->stack, &p->stack_capacity,
					   p->n_stack + a.n_frames + 1,
					   sizeof(*p->stack));
		memcpy(p->stack + p->n_stack, p->stack + a.first_frame,
		       a.n_frames * sizeof(*p->stack));
		p->n_stack += a.n_frames;
		m.has_matched = false;
		add_frames(&m, i, s->tagroot);
		has_root |= m.has_matched;
		p->samples[i].first_frame = first;
		p->samples[i].n_frames = (uint32_t)(p->n_stack - first);
	}
	hmap_fini(&m.made);
	if (s->tagroot && !has_root)
		idle("--tagroot");
	if (s->tagleaf && !has_leaf)
		idle("--tagleaf");
}
