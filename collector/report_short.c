// SPDX-License-Identifier: Apache-2.0
//
// pprof's rules: the first two take something out of a name, of the others the
// first that fits says what stays.
#include "collector/report_short.h"

#include "collector/report_mem.h"

#include <stdlib.h>
#include <string.h>

#define N_CUTS 2

static const char *const patterns[REPORT_SHORT_N] = {
	"^\\(anonymous namespace\\)::(.*)$",
	"^(.*?)/v(?:[2-9]|[1-9][0-9]+)([./].*)$",
	"^(?:[\\w\\-\\.]+\\/)+(.+)",
	"^(?:[a-z]\\w*\\.)*([A-Z][\\w\\$]*\\.(?:<init>|[a-z][\\w\\$]*(?:\\$\\d+"
	")?))"
	"(?:(?:\\()|$)",
	"^(?:[_a-zA-Z]\\w*::)+(_*[A-Z]\\w*::~?[_a-zA-Z]\\w*(?:<.*>)?)",
};

void report_short_open(struct report_short *s)
{
	struct report_error ignored;

	for (int i = 0; i < REPORT_SHORT_N; i++)
		s->rules[i] = report_regex_new(patterns[i], "", &ignored);
}

void report_short_close(struct report_short *s)
{
	for (int i = 0; i < REPORT_SHORT_N; i++)
		report_regex_free(s->rules[i]);
}

char *report_short_name(const struct report_short *s, const char *name)
{
	char *text = report_mem_text(name, strlen(name));

	for (int i = 0; i < REPORT_SHORT_N; i++) {
		char *rest = report_regex_groups(s->rules[i], text);

		if (!rest)
			continue;
		free(text);
		text = rest;
		if (i >= N_CUTS)
			break;
	}
	return text;
}
