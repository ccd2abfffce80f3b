// SPDX-License-Identifier: Apache-2.0
//
// fnmatch(3) does the matching; what is special to it and not to LeakSanitizer
// is escaped.
#include "collector/ctl_suppress.h"

#include "collector/ctl_fail.h"
#include "collector/report_mem.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "leak:"

static char *make_glob(const char *pattern)
{
	size_t n = strlen(pattern), at = 0;
	char *glob = report_mem_grow(NULL, &(size_t){0}, 2 * n + 3, 1);
	bool has_end = n && pattern[n - 1] == '$';

	if (*pattern == '^')
		pattern++;
	else
		glob[at++] = '*';
	n = strlen(pattern) - (has_end ? 1 : 0);
	for (size_t i = 0; i < n; i++) {
		if (strchr("?[]\\", pattern[i]))
			glob[at++] = '\\';
		glob[at++] = pattern[i];
	}
	if (!has_end)
		glob[at++] = '*';
	glob[at] = '\0';
	return glob;
}

static void add_rule(struct ctl_suppress *s, const char *pattern)
{
	s->rules = report_mem_grow(s->rules, &s->capacity, s->n + 1,
				   sizeof(*s->rules));
	s->rules[s->n++] = (struct ctl_suppress_rule){
		.pattern = report_mem_text(pattern, strlen(pattern)),
		.glob = make_glob(pattern)};
}

// One line, without its end.
static int read_line(struct ctl_suppress *s, const char *path, int number,
		     char *line)
{
	size_t n;

	line += strspn(line, " \t");
	n = strcspn(line, "\r\n");
	while (n && strchr(" \t", line[n - 1]))
		n--;
	line[n] = '\0';
	if (!*line || *line == '#')
		return CTL_OK;
	if (strncmp(line, PREFIX, sizeof(PREFIX) - 1) ||
	    !line[sizeof(PREFIX) - 1])
		return ctl_fail(CTL_FAILED,
				"'%s' line %d: '%s' is not allowed, but "
				"leak:PATTERN or a comment behind #",
				path, number, line);
	add_rule(s, line + sizeof(PREFIX) - 1);
	return CTL_OK;
}

int ctl_suppress_read(struct ctl_suppress *s, const char *path)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	char *line = NULL;
	size_t size = 0;
	int status = CTL_OK;

	if (!path)
		return CTL_OK;
	if (!f)
		return ctl_fail(CTL_FAILED, "cannot read '%s': %s", path,
				strerror(errno));
	for (int n = 1; !status && getline(&line, &size, f) >= 0; n++)
		status = read_line(s, path, n, line);
	free(line);
	(void)fclose(f); // it was only read
	return status;
}

void ctl_suppress_free(struct ctl_suppress *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->rules[i].pattern);
		free(s->rules[i].glob);
	}
	free(s->rules);
}

static bool is_like(const char *glob, const char *text)
{
	return *text && !fnmatch(glob, text, 0);
}

static bool matches_location(const char *glob, const struct report_profile *p,
			     const struct report_location *at)
{
	if (at->mapping != REPORT_NONE &&
	    is_like(glob,
		    report_profile_text(p, p->mappings[at->mapping].file)))
		return true;
	for (uint32_t i = 0; i < at->n_lines; i++) {
		const struct report_function *f =
			&p->functions[p->lines[at->first_line + i].function];

		if (is_like(glob, report_profile_text(p, f->name)) ||
		    is_like(glob, report_profile_text(p, f->file)))
			return true;
	}
	return false;
}

static bool matches_stack(const char *glob, const struct report_profile *p,
			  const struct report_sample *s)
{
	for (uint32_t i = 0; i < s->n_frames; i++)
		if (matches_location(
			    glob, p,
			    &p->locations[p->stack[s->first_frame + i]]))
			return true;
	return false;
}

bool ctl_suppress_match(struct ctl_suppress *s, const struct report_profile *p,
			size_t i, int64_t n_bytes, int64_t n_objects)
{
	for (size_t k = 0; k < s->n; k++)
		if (matches_stack(s->rules[k].glob, p, &p->samples[i])) {
			s->rules[k].n_bytes += n_bytes;
			s->rules[k].n_objects += n_objects;
			return true;
		}
	return false;
}

void ctl_suppress_print(const struct ctl_suppress *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->rules[i].n_objects)
			(void)printf("suppressed: %lld bytes in %lld objects "
				     "by leak:%s\n",
				     (long long)s->rules[i].n_bytes,
				     (long long)s->rules[i].n_objects,
				     s->rules[i].pattern);
}
