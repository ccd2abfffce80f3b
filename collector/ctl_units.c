// SPDX-License-Identifier: Apache-2.0
//
// Two kinds of text: rounded ones for tables, and exact ones that can be given
// back to `cprofctl set`.
#include "collector/ctl_units.h"

#include <inttypes.h>
#include <stdio.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

struct unit {
	uint64_t size;
	const char *name;
};

// The largest unit N is at least one of; the last one is 1.
static const struct unit *pick(const struct unit *units, uint64_t n)
{
	while (units->size > 1 && n < units->size)
		units++;
	return units;
}

static const char *rounded(const struct unit *units, uint64_t n, char *ret_text)
{
	const struct unit *u = pick(units, n);

	if (u->size == 1)
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%" PRIu64 "%s", n,
			       u->name);
	else
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%.1f%s",
			       (double)n / (double)u->size, u->name);
	return ret_text;
}

// In the largest unit that leaves no rest.
static const char *exact(const struct unit *units, uint64_t n, char *ret_text)
{
	while (n % units->size)
		units++;
	(void)snprintf(ret_text, CTL_UNITS_MAX, "%" PRIu64 "%s",
		       n / units->size, units->name);
	return ret_text;
}

const char *ctl_units_bytes(uint64_t bytes, char ret_text[CTL_UNITS_MAX])
{
	static const struct unit units[] = {{1ull << 40, " TiB"},
					    {1ull << 30, " GiB"},
					    {1ull << 20, " MiB"},
					    {1ull << 10, " KiB"},
					    {1, " B"}};
	return rounded(units, bytes, ret_text);
}

const char *ctl_units_count(uint64_t n, char ret_text[CTL_UNITS_MAX])
{
	static const struct unit units[] = {
		{1000000000, "G"}, {1000000, "M"}, {10000, "k"}, {1, ""}};
	const struct unit *u = pick(units, n);

	if (u->size == 10000) {
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%.1fk",
			       (double)n / 1000);
		return ret_text;
	}
	return rounded(units, n, ret_text);
}

const char *ctl_units_setting(enum setting_type type, uint64_t value,
			      char ret_text[CTL_UNITS_MAX])
{
	static const struct unit sizes[] = {{1ull << 30, "G"},
					    {1ull << 20, "M"},
					    {1ull << 10, "k"},
					    {1, ""}};
	static const struct unit times[] = {
		{NS_PER_S, "s"}, {NS_PER_MS, "ms"}, {1000, "us"}, {1, "ns"}};
	static const struct unit plain[] = {{1, ""}};

	if (!value) {
		(void)snprintf(ret_text, CTL_UNITS_MAX, "off");
		return ret_text;
	}
	if (type == VALUE_SIZE)
		return exact(sizes, value, ret_text);
	return exact(type == VALUE_TIME ? times : plain, value, ret_text);
}

const char *ctl_units_time(uint64_t ns, char ret_text[CTL_UNITS_MAX])
{
	unsigned s = (unsigned)(ns / NS_PER_S), m = s / 60, h = m / 60;

	if (!s)
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%ums",
			       (unsigned)(ns / NS_PER_MS));
	else if (!m)
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%us", s);
	else if (!h)
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%um%02us", m, s % 60);
	else if (h < 24)
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%uh%02um", h, m % 60);
	else
		(void)snprintf(ret_text, CTL_UNITS_MAX, "%ud%02uh", h / 24,
			       h % 24);
	return ret_text;
}
