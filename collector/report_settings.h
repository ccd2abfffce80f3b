// SPDX-License-Identifier: Apache-2.0
//
// What a user asks of a report, as pprof's options of the same names mean it.
// Texts are borrowed; NULL: not given.
#ifndef CPROF_COLLECTOR_REPORT_SETTINGS_H
#define CPROF_COLLECTOR_REPORT_SETTINGS_H

#include <stdbool.h>

// How finely frames are told apart.
enum report_granularity {
	REPORT_BY_FUNCTION,
	REPORT_BY_FILE_AND_FUNCTION,
	REPORT_BY_FILE,
	REPORT_BY_LINE,
	REPORT_BY_ADDRESS
};

struct report_settings {
	const char *focus, *ignore, *hide, *show, *show_from; // regexes
	const char *tagfocus, *tagignore;    // ranges or regexes
	const char *tagshow, *taghide;	     // regexes of labels' keys
	const char *tagroot, *tagleaf;	     // lists of keys
	const char *sample_index, *unit;     // NULL: the profile's, "minimum"
	const char *source_path, *trim_path; // lists of folders
	const char *regex;		     // of peek and list
	enum report_granularity granularity;
	bool is_by_cum;
	bool is_inverted; // of flame
	bool has_no_inlines;
	bool has_no_negatives;
	int n_nodes; // -1: the report's default, 0: all
	double node_fraction, edge_fraction;
};

// The defaults.
void report_settings_init(struct report_settings *s);

#endif
