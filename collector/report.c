// SPDX-License-Identifier: Apache-2.0
//
// The order of the steps is pprof's, and matters: the total is that of all
// samples, before filters take some away.
#include "collector/report.h"

#include "collector/report_filter.h"
#include "collector/report_tags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_idle(const char *filter)
{
	(void)fprintf(stderr, "cprofctl: %s matched nothing\n", filter);
}

int64_t report_value(const struct report *r, size_t i)
{
	return report_profile_values(r->profile, i)[r->value];
}

struct report_units_text report_label(const struct report *r, int64_t value)
{
	return report_units_label(value, r->unit, r->out_unit);
}

static int refuse_index(const struct report_profile *p, const char *asked,
			struct report_error *error)
{
	char list[256];
	size_t n = 0;

	*list = '\0';
	for (size_t i = 0; i < p->n_types && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
				      i ? ", " : "",
				      report_profile_text(p, p->types[i].type));
	return report_error_set(
		error, -EINVAL,
		"--sample-index: '%s' is not allowed, but %s, or a number from "
		"0 to %zu",
		asked, list, p->n_types - 1);
}

static bool is_type(const struct report_profile *p, size_t i, const char *name)
{
	return !strcmp(report_profile_text(p, p->types[i].type), name);
}

// By name (inuse_x is also x), or by number.
static int find_value(const struct report_profile *p, const char *asked,
		      size_t *ret_value, struct report_error *error)
{
	static const char prefix[] = "inuse_";
	const char *bare = asked;
	char *end;
	unsigned long number;

	if (!strncmp(asked, prefix, sizeof(prefix) - 1))
		bare += sizeof(prefix) - 1;
	number = strtoul(asked, &end, 10);
	if (*asked >= '0' && *asked <= '9' && !*end && number < p->n_types) {
		*ret_value = number;
		return 0;
	}
	for (size_t i = 0; i < p->n_types; i++)
		if (is_type(p, i, asked) || is_type(p, i, bare)) {
			*ret_value = i;
			return 0;
		}
	return refuse_index(p, asked, error);
}

// The profile's default, else the last.
static size_t default_value(const struct report_profile *p)
{
	for (size_t i = 0; p->default_type && i < p->n_types; i++)
		if (p->types[i].type == p->default_type)
			return i;
	return p->n_types - 1;
}

static int choose_value(struct report *r, struct report_error *error)
{
	const struct report_profile *p = r->profile;
	const char *asked = r->settings.sample_index;
	int err = 0;

	if (!p->n_types)
		return report_error_set(error, -EINVAL,
					"the profile has no sample type");
	r->value = default_value(p);
	if (asked && *asked)
		err = find_value(p, asked, &r->value, error);
	r->type = report_profile_text(p, p->types[r->value].type);
	r->unit = report_profile_text(p, p->types[r->value].unit);
	r->out_unit =
		r->settings.unit ? r->settings.unit : REPORT_UNITS_MINIMUM;
	return err;
}

// The base's, where there is one: a difference is a part of that.
static void add_total(struct report *r)
{
	uint64_t total = 0, base = 0;

	for (size_t i = 0; i < r->profile->n_samples; i++) {
		uint64_t v = (uint64_t)report_units_abs(report_value(r, i));

		total += v;
		if (report_profile_is_base(r->profile, i)) {
			base += v;
			r->is_diff = true;
		}
	}
	r->total = (int64_t)((int64_t)base > 0 ? base : total);
}

static void apply_need(struct report *r)
{
	struct report_settings *s = &r->settings;

	if (s->n_nodes < 0)
		s->n_nodes = r->need.n_nodes;
	if (r->need.is_per_line)
		s->granularity = REPORT_BY_LINE;
	if (r->need.is_per_address) {
		s->granularity = REPORT_BY_ADDRESS;
		s->has_no_inlines = false;
	}
	if (r->need.is_untrimmed) {
		s->n_nodes = 0;
		s->node_fraction = s->edge_fraction = 0;
	}
}

// Forgets what frames that are to be one differ in.
static void aggregate(struct report_profile *p, const struct report_settings *s)
{
	enum report_granularity g = s->granularity;
	bool has_function = g != REPORT_BY_FILE;
	bool has_file = g != REPORT_BY_FUNCTION;
	bool has_line = g == REPORT_BY_LINE || g == REPORT_BY_ADDRESS;
	bool has_address = g == REPORT_BY_ADDRESS;

	for (size_t i = 0; i < p->n_functions; i++) {
		struct report_function *f = &p->functions[i];

		f->name = has_function ? f->name : 0;
		f->system_name = has_function ? f->system_name : 0;
		f->file = has_file ? f->file : 0;
	}
	for (size_t i = 0; i < p->n_locations; i++) {
		struct report_location *l = &p->locations[i];

		if (s->has_no_inlines && l->n_lines > 1) {
			l->first_line += l->n_lines - 1;
			l->n_lines = 1;
		}
		l->address = has_address ? l->address : 0;
	}
	for (size_t i = 0; !has_line && i < p->n_lines; i++)
		p->lines[i].line = 0;
}

static int open_regex(struct report *r, struct report_error *error)
{
	if (!r->settings.regex)
		return 0;
	r->regex = report_regex_new(r->settings.regex, "the pattern", error);
	return r->regex ? 0 : -EINVAL;
}

int report_open(struct report *report, struct report_profile *profile,
		const struct report_settings *settings,
		const struct report_need *need, struct report_error *error)
{
	struct report r = {
		.profile = profile, .settings = *settings, .need = *need};
	int err = open_regex(&r, error);

	if (err)
		return err;
	apply_need(&r);
	r.label_units = report_tags_units(profile);
	report_tags_add_frames(profile, &r.settings, say_idle);
	err = choose_value(&r, error);
	if (!err) {
		add_total(&r);
		err = report_filter_apply(profile, &r.settings, say_idle,
					  error);
	}
	if (err) {
		report_close(&r);
		return err;
	}
	aggregate(profile, &r.settings);
	*report = r;
	return 0;
}

void report_close(struct report *report)
{
	report_regex_free(report->regex);
	free(report->label_units);
	*report = (struct report){0};
}
