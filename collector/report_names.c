// SPDX-License-Identifier: Apache-2.0
//
// A name that differs from the linker's was made by somebody who knew what he
// did, and is left alone.
#include "collector/report_names.h"

#include "collector/demangle.h"
#include "collector/report_mem.h"

#include <stdlib.h>
#include <string.h>

// Looks like C++ that is demangled already. Java has ".<init>", Go
// "T[...]).Method".
static bool looks_demangled(const char *name)
{
	if (strstr(name, ".<") || strstr(name, "])."))
		return false;
	return strpbrk(name, "<>[]") || strstr(name, "::");
}

// Takes what is between OPEN and CLOSE out of NAME, with them; what doesn't
// match ends it.
static void cut_pairs(char *name, char open, char close)
{
	char *first = name;
	int depth = 0;

	for (char *c = name; *c; c++) {
		if (*c == open && !depth++)
			first = c;
		if (*c == close && --depth < 0)
			return;
		if (*c == close && !depth) {
			memmove(first, c + 1, strlen(c + 1) + 1);
			c = first - 1;
		}
	}
}

static char *simplify(const char *name)
{
	char *short_name = demangle_short(name);

	if (short_name) {
		cut_pairs(short_name, '<', '>');
		return short_name;
	}
	if (!looks_demangled(name))
		return NULL;
	short_name = report_mem_text(name, strlen(name));
	cut_pairs(short_name, '(', ')');
	cut_pairs(short_name, '<', '>');
	return short_name;
}

void report_names_simplify(struct report_profile *p)
{
	for (size_t i = 0; i < p->n_functions; i++) {
		struct report_function *f = &p->functions[i];
		char *name;

		if (f->name && f->name != f->system_name)
			continue;
		f->name = f->system_name;
		name = simplify(report_profile_text(p, f->system_name));
		if (!name)
			continue;
		f->name = report_profile_intern(p, name);
		free(name);
	}
}

// How long the parentheses that belong to a name are at AT; 0 for none.
static size_t reserved(const char *at)
{
	static const char *const names[] = {"(anonymous namespace)",
					    "operator()"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(at, names[i], strlen(names[i])))
			return strlen(names[i]);
	return 0;
}

char *report_names_bare(const char *name)
{
	const char *at;

	name += *name == '.';
	for (at = name; *at;) {
		size_t n = reserved(at);

		if (!n && *at == '(')
			break;
		at += n ? n : 1;
	}
	return report_mem_text(name, (size_t)(at - name));
}
