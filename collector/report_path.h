// SPDX-License-Identifier: Apache-2.0
//
// Names of source files as they stand in profiles, treated as Go's
// path/filepath and pprof do. Nothing is looked up. Results are the caller's to
// free. Any thread.
#ifndef CPROF_COLLECTOR_REPORT_PATH_H
#define CPROF_COLLECTOR_REPORT_PATH_H

// The shortest name for the same: no "//", "." or "..".
char *report_path_clean(const char *path);

// Its last part; "." for none.
char *report_path_base(const char *path);

// What of PATH is behind the folders of TRIM (a list with colons; may be empty)
// or, with no TRIM, behind the last part of a folder of SEARCH. Points into
// PATH: nothing to free.
const char *report_path_trim(const char *path, const char *trim,
			     const char *search);

// The next element of a list with colons; *list moves on, NULL after the last
// or for an empty list.
char *report_path_next(const char **list);

#endif
