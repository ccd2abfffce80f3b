// SPDX-License-Identifier: Apache-2.0
//
// Pure text: the files may be on another machine.
#include "collector/report_path.h"

#include "collector/report_mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// Takes back the last part of OUT, up to N_KEPT bytes of which stay.
static size_t drop_part(const char *out, size_t n, size_t n_kept)
{
	n--;
	while (n > n_kept && out[n] != '/')
		n--;
	return n;
}

static size_t put_part(char *out, size_t n, const char *part, size_t n_part)
{
	bool is_rooted = out[0] == '/';

	if ((is_rooted && n != 1) || (!is_rooted && n != 0))
		out[n++] = '/';
	memcpy(out + n, part, n_part);
	return n + n_part;
}

char *report_path_clean(const char *path)
{
	size_t n = 0, n_kept;
	char *out = report_mem_zero(strlen(path) + 2, 1);
	bool is_rooted = *path == '/';

	if (is_rooted)
		out[n++] = '/';
	n_kept = n; // behind the ".." that can't be taken back
	for (const char *at = path; *at;) {
		size_t n_part = strcspn(at, "/");

		if (n_part == 2 && !strncmp(at, "..", 2)) {
			if (n > n_kept) {
				n = drop_part(out, n, n_kept);
			} else if (!is_rooted) {
				n = put_part(out, n, "..", 2);
				n_kept = n;
			}
		} else if (n_part && !(n_part == 1 && *at == '.')) {
			n = put_part(out, n, at, n_part);
		}
		at += n_part;
		at += *at == '/';
	}
	if (!n)
		out[n++] = '.';
	out[n] = '\0';
	return out;
}

char *report_path_base(const char *path)
{
	size_t n = strlen(path), start;

	if (!n)
		return report_mem_text(".", 1);
	while (n && path[n - 1] == '/')
		n--;
	for (start = n; start && path[start - 1] != '/'; start--)
		;
	return n ? report_mem_text(path + start, n - start)
		 : report_mem_text("/", 1);
}

char *report_path_next(const char **list)
{
	const char *at = *list;
	size_t n;

	if (!at || !*at)
		return NULL;
	n = strcspn(at, ":");
	*list = at[n] ? at + n + 1 : NULL;
	return report_mem_text(at, n);
}

// Behind "/LAST/", where LAST is the last part of a folder of SEARCH.
static const char *guess(const char *path, const char *search)
{
	char *folder;
	const char *found = NULL;

	while (!found && (folder = report_path_next(&search))) {
		char *base = report_path_base(folder);
		char *want = report_mem_zero(strlen(base) + 3, 1);

		(void)strcat(strcat(strcpy(want, "/"), base), "/");
		found = strstr(path, want);
		if (found)
			found += strlen(want);
		free(want);
		free(base);
		free(folder);
	}
	return found;
}

// Behind PREFIX and its slash; NULL when it isn't there.
static const char *behind(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	while (n && prefix[n - 1] == '/')
		n--;
	if (strncmp(path, prefix, n) != 0 || path[n] != '/')
		return NULL;
	return path + n + 1;
}

const char *report_path_trim(const char *path, const char *trim,
			     const char *search)
{
	const char *rest = *trim ? NULL : guess(path, search);
	char *prefix;

	while (!rest && (prefix = report_path_next(&trim))) {
		rest = behind(path, prefix);
		free(prefix);
	}
	if (!rest)
		rest = behind(path, "/proc/self/cwd/.");
	if (!rest)
		rest = behind(path, "/proc/self/cwd");
	return rest ? rest : path;
}
