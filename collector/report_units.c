// SPDX-License-Identifier: Apache-2.0
//
// The rules are those of pprof, and the tests compare every digit with it: a
// value is shown in the largest unit in which it is at least 1, with two
// decimals unless these are zeros.
#include "collector/report_units.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 3
// 2^63: what doubles go to integers up to.
#define INT_LIMIT 9223372036854775808.0
// A percentage this close to 100 is shown as 100.
#define FULL_MIN 99.95
#define FULL_MAX 100.05

struct unit {
	const char *name;
	const char *aliases[NAMES_MAX]; // lower case, singular
	double factor;
};

struct family {
	const struct unit *units; // up to one without a name
	const char *default_name;
	double default_factor;
};

static const struct unit bytes_units[] = {
	{"B", {"b", "byte"}, 1},
	{"kB", {"kb", "kbyte", "kilobyte"}, 1ull << 10},
	{"MB", {"mb", "mbyte", "megabyte"}, 1ull << 20},
	{"GB", {"gb", "gbyte", "gigabyte"}, 1ull << 30},
	{"TB", {"tb", "tbyte", "terabyte"}, 1ull << 40},
	{"PB", {"pb", "pbyte", "petabyte"}, 1ull << 50},
	{NULL, {NULL}, 0},
};

static const struct unit time_units[] = {
	{"ns", {"ns", "nanosecond"}, 1},
	{"us", {"us", "microsecond", "\xce\xbcs"}, 1e3},
	{"ms", {"ms", "millisecond"}, 1e6},
	{"s", {"s", "sec", "second"}, 1e9},
	{"hrs", {"hour", "hr"}, 3600e9},
	{NULL, {NULL}, 0},
};

static const struct unit gcu_units[] = {
	{"n*GCU", {"nanogcu"}, 1e-9},  {"u*GCU", {"microgcu"}, 1e-6},
	{"m*GCU", {"milligcu"}, 1e-3}, {"GCU", {"gcu"}, 1},
	{"k*GCU", {"kilogcu"}, 1e3},   {"M*GCU", {"megagcu"}, 1e6},
	{"G*GCU", {"gigagcu"}, 1e9},   {"T*GCU", {"teragcu"}, 1e12},
	{"P*GCU", {"petagcu"}, 1e15},  {NULL, {NULL}, 0},
};

static const struct family families[] = {
	{bytes_units, "B", 1}, {time_units, "s", 1e9}, {gcu_units, "GCU", 1}};

#define N_FAMILIES (sizeof(families) / sizeof(*families))

static bool has_alias(const struct unit *u, const char *alias)
{
	for (int i = 0; i < NAMES_MAX && u->aliases[i]; i++)
		if (!strcmp(u->aliases[i], alias))
			return true;
	return false;
}

static const struct unit *find(const struct family *f, const char *name)
{
	char alias[32];
	size_t n = strlen(name);

	if (n >= sizeof(alias))
		return NULL;
	for (size_t i = 0; i <= n; i++)
		alias[i] = (char)tolower((unsigned char)name[i]);
	if (n > 2 && alias[n - 1] == 's')
		alias[n - 1] = '\0';
	for (const struct unit *u = f->units; u->name; u++)
		if (has_alias(u, alias))
			return u;
	return NULL;
}

static bool is_automatic(const char *unit)
{
	return !strcmp(unit, REPORT_UNITS_MINIMUM) ||
	       !strcmp(unit, REPORT_UNITS_AUTO);
}

static bool is_counted(const char *unit)
{
	return !strcmp(unit, "count") || !strcmp(unit, "sample") ||
	       !strcmp(unit, "unit");
}

bool report_units_is_known(const char *name)
{
	for (size_t i = 0; i < N_FAMILIES; i++)
		if (find(&families[i], name))
			return true;
	return is_automatic(name) || is_counted(name);
}

// V is in units of 1.
static double scale_automatically(const struct family *f, double v,
				  const char **ret_unit)
{
	double factor = 0;

	*ret_unit = f->default_name;
	for (const struct unit *u = f->units; u->name; u++)
		if (u->factor >= factor && v / u->factor >= 1.0) {
			factor = u->factor;
			*ret_unit = u->name;
		}
	return v / (factor != 0 ? factor : f->default_factor);
}

static double convert(const struct family *f, double v, const char *to,
		      const char **ret_unit)
{
	const struct unit *u = find(f, to);

	if (is_automatic(to))
		return scale_automatically(f, v, ret_unit);
	*ret_unit = u ? u->name : f->default_name;
	return v / (u ? u->factor : f->default_factor);
}

double report_units_scale(int64_t value, const char *from, const char *to,
			  const char **ret_unit)
{
	if (value < 0 && value != INT64_MIN)
		return -report_units_scale(-value, from, to, ret_unit);
	for (size_t i = 0; i < N_FAMILIES; i++) {
		const struct unit *u = find(&families[i], from);

		if (u)
			return convert(&families[i], (double)value * u->factor,
				       to, ret_unit);
	}
	*ret_unit = is_automatic(to) || is_counted(to) ? "" : to;
	return (double)value;
}

struct report_units_text report_units_label(int64_t value, const char *from,
					    const char *to)
{
	struct report_units_text t;
	const char *unit;
	double v = report_units_scale(value, from, to, &unit);
	int n = snprintf(t.text, sizeof(t.text), "%.2f", v);

	if (n > 3 && !strcmp(t.text + n - 3, ".00"))
		t.text[n -= 3] = '\0';
	if (!strcmp(t.text, "-0"))
		memcpy(t.text, "0", sizeof("0"));
	if (strcmp(t.text, "0") != 0)
		(void)snprintf(t.text + n, sizeof(t.text) - (size_t)n, "%s",
			       unit);
	return t;
}

struct report_units_text report_units_percent(int64_t value, int64_t total)
{
	struct report_units_text t;
	double ratio = 0;

	if (total)
		ratio = fabs((double)value / (double)total) * 100;
	if (ratio >= FULL_MIN && ratio <= FULL_MAX)
		(void)snprintf(t.text, sizeof(t.text), "  100%%");
	else if (ratio >= 1.0)
		(void)snprintf(t.text, sizeof(t.text), "%5.2f%%", ratio);
	else
		(void)snprintf(t.text, sizeof(t.text), "%5.2g%%", ratio);
	return t;
}

struct report_units_text report_units_percent_bare(int64_t value, int64_t total)
{
	struct report_units_text t = report_units_percent(value, total);
	size_t n_blanks = strspn(t.text, " ");

	memmove(t.text, t.text + n_blanks, strlen(t.text + n_blanks) + 1);
	return t;
}

bool report_units_are_alike(const char *a, const char *b)
{
	for (size_t i = 0; i < N_FAMILIES; i++)
		if (find(&families[i], a) && find(&families[i], b))
			return true;
	return !strcmp(a, b);
}

int64_t report_units_int(double value)
{
	// What does not fit is what x86-64 makes of it, and Go with it.
	if (isnan(value) || value < -INT_LIMIT || value >= INT_LIMIT)
		return INT64_MIN;
	return (int64_t)value;
}

int64_t report_units_abs(int64_t value)
{
	return value < 0 && value != INT64_MIN ? -value : value;
}
