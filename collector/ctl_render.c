// SPDX-License-Identifier: Apache-2.0
//
// The steps, and their order, are those of `go tool pprof`.
#include "collector/ctl_render.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_out.h"
#include "collector/report_decode.h"
#include "collector/report_filter.h"
#include "collector/report_input.h"
#include "collector/report_mem.h"
#include "collector/report_merge.h"
#include "collector/report_names.h"
#include "collector/report_units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODES_MAX 1000000u

void ctl_render_init(struct ctl_render *r)
{
	*r = (struct ctl_render){0};
	arena_init(&r->arena);
	strtab_init(&r->texts, &r->arena);
}

static void free_set(struct ctl_render_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		report_profile_fini(&set->profiles[i]);
	free(set->profiles);
	free(set->names);
	*set = (struct ctl_render_set){0};
}

void ctl_render_fini(struct ctl_render *r)
{
	free_set(&r->sources);
	free_set(&r->bases);
	strtab_fini(&r->texts);
	arena_fini(&r->arena);
}

// The name is for errors: "" where there is no memory for it.
static const char *keep(struct ctl_render *r, const char *name)
{
	size_t n = strlen(name) + 1;
	char *copy = arena_get(&r->arena, n, 1);

	return copy ? memcpy(copy, name, n) : "";
}

static struct report_profile *add(struct ctl_render *r,
				  struct ctl_render_set *set, const char *name)
{
	set->profiles = report_mem_grow(set->profiles, &set->profiles_capacity,
					set->n + 1, sizeof(*set->profiles));
	set->names = report_mem_grow(set->names, &set->names_capacity,
				     set->n + 1, sizeof(*set->names));
	report_profile_init(&set->profiles[set->n], &r->texts);
	set->names[set->n] = keep(r, name);
	return &set->profiles[set->n++];
}

static int refuse(const char *name, const struct report_error *error)
{
	return ctl_fail(CTL_FAILED, "cannot read the profile '%s': %s", name,
			error->text);
}

static int decode(struct ctl_render *r, struct ctl_render_set *set,
		  const char *name, struct report_input *input)
{
	struct report_error error;
	struct report_profile *p = add(r, set, name);
	int err = report_decode(input->bytes, input->n_bytes, p, &error);

	report_input_free(input);
	if (set == &r->sources)
		r->n_samples += p->n_samples;
	return err ? refuse(name, &error) : CTL_OK;
}

int ctl_render_file(struct ctl_render *r, struct ctl_render_set *set,
		    const char *path)
{
	struct report_error error;
	struct report_input input;

	if (report_input_file(path, &input, &error))
		return refuse(path, &error);
	return decode(r, set, path, &input);
}

int ctl_render_bytes(struct ctl_render *r, const char *name, const void *bytes,
		     size_t n_bytes)
{
	struct report_error error;
	struct report_input input = {
		.bytes = (uint8_t *)report_mem_text(bytes, n_bytes),
		.n_bytes = n_bytes};

	if (report_input_unpack(&input, &error))
		return refuse(name, &error);
	return decode(r, &r->sources, name, &input);
}

void ctl_render_empty(struct ctl_render *r, enum kind kind)
{
	const struct kind_info *info = &kind_table[kind];
	struct report_profile *p = add(r, &r->sources, info->name);

	for (unsigned i = 0; i < info->n_values; i++)
		*report_profile_add_type(p) = (struct report_value_type){
			report_profile_intern(p, info->types[i].type),
			report_profile_intern(p, info->types[i].unit)};
	p->default_type =
		report_profile_intern(p, info->types[info->default_value].type);
	p->period_type = (struct report_value_type){
		report_profile_intern(p, info->period.type),
		report_profile_intern(p, info->period.unit)};
}

// Adds a set up and frees it.
static int sum(struct ctl_render_set *set, struct report_profile *ret_sum,
	       struct report_error *error)
{
	int err =
		report_merge(set->profiles, set->names, set->n, ret_sum, error);

	free_set(set);
	return err;
}

// NAME is that of FROM.
static int subtract(struct ctl_render *r, struct report_profile *from,
		    const char *name, struct report_profile *ret_rest,
		    struct report_error *error)
{
	const char *names[] = {name, r->bases.names[0]};
	struct report_profile both[2];
	int err;

	both[0] = *from;
	err = sum(&r->bases, &both[1], error);
	if (err) {
		report_profile_fini(&both[0]);
		return err;
	}
	if (r->is_diff)
		report_merge_mark_base(&both[1]);
	report_merge_negate(&both[1]);
	err = report_merge(both, names, 2, ret_rest, error);
	report_profile_fini(&both[0]);
	report_profile_fini(&both[1]);
	return err;
}

// What was read as one profile.
static int combine(struct ctl_render *r, struct report_profile *ret_profile,
		   struct report_error *error)
{
	const char *name = r->sources.names[0]; // the first of them
	struct report_profile p;
	int err = sum(&r->sources, &p, error);

	if (!err && r->bases.n)
		err = subtract(r, &p, name, &p, error);
	if (err)
		return err;
	report_names_simplify(&p);
	report_filter_drop_frames(&p);
	*ret_profile = p;
	return 0;
}

int ctl_render_combine(struct ctl_render *r, struct report_profile *ret_profile)
{
	struct report_error error;

	return combine(r, ret_profile, &error)
		       ? ctl_fail(CTL_FAILED, "%s", error.text)
		       : CTL_OK;
}

static int refuse_option(const char *option, const char *text,
			 const char *allowed)
{
	return ctl_fail(CTL_USAGE, "--%s: '%s' is not allowed, but %s", option,
			text, allowed);
}

static int read_fraction(const char *option, const char *text, double *fraction)
{
	char *end;
	double v;

	if (!text)
		return CTL_OK;
	v = strtod(text, &end);
	if (end == text || *end || !(v >= 0 && v <= 1))
		return refuse_option(option, text, "a number from 0 to 1");
	*fraction = v;
	return CTL_OK;
}

static int read_granularity(const struct ctl_options *o,
			    struct report_settings *s)
{
	static const struct {
		enum ctl_option option;
		enum report_granularity granularity;
	} table[] = {
		{CTL_OPTION_FUNCTIONS, REPORT_BY_FUNCTION},
		{CTL_OPTION_FILEFUNCTIONS, REPORT_BY_FILE_AND_FUNCTION},
		{CTL_OPTION_FILES, REPORT_BY_FILE},
		{CTL_OPTION_LINES, REPORT_BY_LINE},
		{CTL_OPTION_ADDRESSES, REPORT_BY_ADDRESS},
	};
	int n = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (o->given[table[i].option]) {
			s->granularity = table[i].granularity;
			n++;
		}
	return n > 1 ? ctl_fail(CTL_USAGE,
				"only one of --functions, --filefunctions, "
				"--files, --lines and --addresses is allowed")
		     : CTL_OK;
}

static int read_settings(const struct ctl_options *o, const char *pattern,
			 struct report_settings *s)
{
	const char *n_nodes = o->given[CTL_OPTION_NODECOUNT];
	uint32_t n;
	int status;

	report_settings_init(s);
	s->regex = pattern;
	s->focus = o->given[CTL_OPTION_FOCUS];
	s->ignore = o->given[CTL_OPTION_IGNORE];
	s->hide = o->given[CTL_OPTION_HIDE];
	s->show = o->given[CTL_OPTION_SHOW];
	s->show_from = o->given[CTL_OPTION_SHOW_FROM];
	s->tagfocus = o->given[CTL_OPTION_TAGFOCUS];
	s->tagignore = o->given[CTL_OPTION_TAGIGNORE];
	s->tagshow = o->given[CTL_OPTION_TAGSHOW];
	s->taghide = o->given[CTL_OPTION_TAGHIDE];
	s->tagroot = o->given[CTL_OPTION_TAGROOT];
	s->tagleaf = o->given[CTL_OPTION_TAGLEAF];
	s->sample_index = o->given[CTL_OPTION_SAMPLE_INDEX];
	s->unit = o->given[CTL_OPTION_UNIT];
	s->source_path = o->given[CTL_OPTION_SOURCE_PATH];
	s->trim_path = o->given[CTL_OPTION_TRIM_PATH];
	s->is_by_cum = o->given[CTL_OPTION_CUM];
	s->is_inverted = o->given[CTL_OPTION_INVERTED];
	s->has_no_inlines = o->given[CTL_OPTION_NOINLINES];
	s->has_no_negatives = o->given[CTL_OPTION_DROP_NEGATIVE];
	if (n_nodes && ctl_options_number(n_nodes, 0, NODES_MAX, &n))
		return refuse_option("nodecount", n_nodes,
				     "a whole number from 0 to 1000000");
	if (n_nodes)
		s->n_nodes = (int)n;
	if (s->unit && !report_units_is_known(s->unit))
		return refuse_option("unit", s->unit, REPORT_UNITS_ALLOWED);
	status =
		read_fraction("nodefraction", o->given[CTL_OPTION_NODEFRACTION],
			      &s->node_fraction);
	if (!status)
		status = read_fraction("edgefraction",
				       o->given[CTL_OPTION_EDGEFRACTION],
				       &s->edge_fraction);
	return status ? status : read_granularity(o, s);
}

static int write_out(struct report_out *text, struct ctl_out *out)
{
	if (out->form == CTL_OUT_STDOUT)
		report_out_fit(text);
	if (buf_error(&text->text))
		return ctl_fail(CTL_FAILED, "the report is too long: %s",
				strerror(-buf_error(&text->text)));
	if (out->form != CTL_OUT_STDOUT)
		return ctl_out_write(out, text->text.data, text->text.n_bytes);
	// main looks at stdout's errors.
	(void)fwrite(text->text.data, 1, text->text.n_bytes, stdout);
	return CTL_OK;
}

// Into memory first: a report that fails prints nothing but why.
static int write_report(struct report *report,
			const struct report_format *format, struct ctl_out *out)
{
	struct report_error error;
	struct report_out text;
	int status;

	report_out_init(&text,
			out->form == CTL_OUT_STDOUT ? STDOUT_FILENO : -1);
	if (format->write(report, &text, &error))
		status = ctl_fail(CTL_FAILED, "%s", error.text);
	else
		status = write_out(&text, out);
	report_out_fini(&text);
	return status;
}

static int check_out(const struct report_format *format, const char *name,
		     struct ctl_out *out)
{
	int status = ctl_out_check_report(name, out);

	if (!status && out->form == CTL_OUT_STDOUT && format->is_for_files &&
	    isatty(STDOUT_FILENO))
		return ctl_fail(CTL_FAILED,
				"%s is not for a terminal; use -o FILE%s or a "
				"pipe",
				format->name, format->extension);
	return status;
}

int ctl_render_write(struct ctl_render *r, const struct report_format *format,
		     const struct ctl_options *options, const char *pattern)
{
	struct report_settings settings;
	struct report_error error;
	struct report_profile profile;
	struct report report;
	struct ctl_out out;
	int status = read_settings(options, pattern, &settings);

	if (!status)
		status = check_out(format, options->out, &out);
	if (status)
		return status;
	out.is_quiet = r->is_quiet;
	if (combine(r, &profile, &error))
		return ctl_fail(CTL_FAILED, "%s", error.text);
	if (report_open(&report, &profile, &settings, &format->need, &error)) {
		report_profile_fini(&profile);
		return ctl_fail(CTL_USAGE, "%s", error.text);
	}
	status = write_report(&report, format, &out);
	report_close(&report);
	report_profile_fini(&profile);
	return status;
}
