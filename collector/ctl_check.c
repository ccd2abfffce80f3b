// SPDX-License-Identifier: Apache-2.0
//
// Totals are compared, not functions: what moves from one function to another
// is no regression.
#include "collector/ctl_check.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_render.h"
#include "collector/report_units.h"

#include <stdlib.h>
#include <string.h>

#define LIMITS_MAX 16
#define ALLOWED                                                          \
	"TYPE=+N%% for growth by a part, TYPE=+N or TYPE=N for so much " \
	"more or so much in all, with k, M, G or ns, us, ms, s"

// One limit, as a number of what the profile counts.
struct limit {
	char type[64];
	double value; // %: of the base
	bool is_part, is_growth;
};

struct totals {
	struct ctl_render render;
	struct report_profile profile;
};

static double unit_of(const char *text)
{
	static const struct {
		const char *name;
		double value;
	} units[] = {
		{"", 1},	{"%", 1},	{"k", 1 << 10}, {"K", 1 << 10},
		{"M", 1 << 20}, {"G", 1 << 30}, {"ns", 1},	{"us", 1e3},
		{"ms", 1e6},	{"s", 1e9},	{"m", 60e9},	{"h", 3600e9},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(units[i].name, text))
			return units[i].value;
	return 0;
}

// One of a list, N characters long.
static int read_limit(const char *text, size_t n, struct limit *ret)
{
	char copy[128], *value, *end;

	if (n >= sizeof(copy))
		return -1;
	memcpy(copy, text, n);
	copy[n] = '\0';
	value = strchr(copy, '=');
	if (!value || value == copy ||
	    (size_t)(value - copy) >= sizeof(ret->type))
		return -1;
	*value++ = '\0';
	*ret = (struct limit){.is_growth = *value == '+'};
	(void)strcpy(ret->type, copy); // it fits, see above
	value += ret->is_growth;
	if (*value < '0' || *value > '9')
		return -1;
	ret->value = strtod(value, &end);
	ret->is_part = !strcmp(end, "%");
	ret->value *= unit_of(end);
	return unit_of(end) > 0 && (!ret->is_part || ret->is_growth) ? 0 : -1;
}

static int read_limits(const char *text, struct limit *limits, int *ret_n)
{
	int n = 0;

	for (;; text++) {
		size_t length = strcspn(text, ",");

		if (n == LIMITS_MAX || read_limit(text, length, &limits[n]))
			return ctl_fail(CTL_USAGE,
					"--max: '%.*s' is not allowed, "
					"but " ALLOWED,
					(int)length, text);
		n++;
		text += length;
		if (!*text)
			break;
	}
	*ret_n = n;
	return CTL_OK;
}

static int read_totals(struct totals *t, const char *path)
{
	int status;

	ctl_render_init(&t->render);
	status = ctl_render_file(&t->render, &t->render.sources, path);
	if (!status)
		status = ctl_render_combine(&t->render, &t->profile);
	if (status)
		ctl_render_fini(&t->render);
	return status;
}

static void free_totals(struct totals *t)
{
	report_profile_fini(&t->profile);
	ctl_render_fini(&t->render);
}

// The sum of the values of TYPE. False: the profile has none.
static bool total(const struct report_profile *p, const char *type,
		  double *ret_total, const char **ret_unit)
{
	for (size_t i = 0; i < p->n_types; i++) {
		if (strcmp(report_profile_text(p, p->types[i].type), type))
			continue;
		*ret_unit = report_profile_text(p, p->types[i].unit);
		*ret_total = 0;
		for (size_t s = 0; s < p->n_samples; s++)
			*ret_total += (double)report_profile_values(p, s)[i];
		return true;
	}
	return false;
}

static struct report_units_text label(double value, const char *unit)
{
	return report_units_label(report_units_int(value), unit, "auto");
}

// Prints one line. The status.
static int compare(const struct limit *l, const struct totals *base,
		   const struct totals *new)
{
	double before, after, most;
	const char *unit;
	bool is_over;

	if (!total(&base->profile, l->type, &before, &unit) ||
	    !total(&new->profile, l->type, &after, &unit))
		return ctl_fail(CTL_FAILED,
				"--max: a profile has no '%s'; cprofctl raw "
				"lists what it has",
				l->type);
	most = l->is_part ? before * (1 + l->value / 100)
			  : l->value + (l->is_growth ? before : 0);
	is_over = after > most;
	(void)printf("%s: %s, was %s", l->type, label(after, unit).text,
		     label(before, unit).text);
	if (before > 0)
		(void)printf(" (%+.1f%%)", 100 * (after - before) / before);
	(void)printf(", allowed %s: %s\n", label(most, unit).text,
		     is_over ? "TOO MUCH" : "ok");
	return is_over ? CTL_FOUND : CTL_OK;
}

// All limits are looked at, so that one run tells all.
static int compare_all(const struct limit *limits, int n,
		       const struct totals *base, const struct totals *new)
{
	int worst = CTL_OK;

	for (int i = 0; i < n; i++) {
		int status = compare(&limits[i], base, new);

		if (status == CTL_FAILED)
			return status;
		worst = status ? status : worst;
	}
	return worst;
}

int ctl_check(const struct ctl_options *options)
{
	const char *max = options->given[CTL_OPTION_MAX];
	struct limit limits[LIMITS_MAX];
	struct totals base, new;
	int status, n = 0;

	if (options->n_words != 2)
		return ctl_fail(CTL_USAGE,
				"check takes two files, BASE and NEW, but "
				"there are %d",
				options->n_words);
	if (!max)
		return ctl_fail(CTL_USAGE, "check: no --max given, for example "
					   "--max inuse_space=+5%%");
	status = read_limits(max, limits, &n);
	if (!status)
		status = read_totals(&base, options->words[0]);
	if (status)
		return status;
	status = read_totals(&new, options->words[1]);
	if (!status) {
		status = compare_all(limits, n, &base, &new);
		free_totals(&new);
	}
	free_totals(&base);
	if (status == CTL_FOUND)
		ctl_fail_note("next: cprofctl diff '%s' '%s'",
			      options->words[0], options->words[1]);
	return status;
}
