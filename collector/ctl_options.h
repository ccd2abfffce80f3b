// SPDX-License-Identifier: Apache-2.0
//
// Reads a command's options and words. What there is stands in
// ctl_options.def and, for `run`, in proto/settings.def. Every value is checked
// here, before anything is done. One thread.
#ifndef CPROF_COLLECTOR_CTL_OPTIONS_H
#define CPROF_COLLECTOR_CTL_OPTIONS_H

#include "proto/setting.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ctl_group {
	CTL_FOR_ANY = 1 << 0,
	CTL_FOR_RUN = 1 << 1,
	CTL_FOR_TARGET = 1 << 2,
	CTL_FOR_KIND = 1 << 3,
	CTL_FOR_CPU = 1 << 4,
	CTL_FOR_JSON = 1 << 5,
	CTL_FOR_REPORT = 1 << 6,
	CTL_FOR_MERGE = 1 << 7,
	CTL_FOR_LEAKS = 1 << 8,
	CTL_FOR_CHECK = 1 << 9,
	CTL_FOR_THREADS = 1 << 10,
	CTL_FOR_TRACE = 1 << 11,
	CTL_FOR_SOURCE = 1 << 12 // reports but diff, which has its two files
};

enum ctl_option {
#define OPTION(id, name, letter, arg, groups, help) CTL_OPTION_##id,
#include "collector/ctl_options.def"
#undef OPTION
	CTL_OPTION_N
};

// Text is argv's or the environment's.
struct ctl_options {
	const char *command;
	uint32_t pid;	  // 0: not given
	uint32_t seconds; // 0: not given
	uint32_t hz;	  // 0: not given
	const char *out;  // NULL: not given
	const char *socket;
	bool is_json;
	bool is_help;
	const char *settings[SETTING_N]; // of run; NULL: not given
	// The argument of each option, "" where it takes none; NULL: not given.
	const char *given[CTL_OPTION_N];
	char **words; // what is no option
	int n_words;
};

// Reads ARGV, which begins with the command's name, as a command does that
// accepts ACCEPTS. CTL_OK, or CTL_USAGE with the reason printed.
int ctl_options_read(int argc, char **argv, unsigned accepts,
		     struct ctl_options *ret_options);

// How many words at the start of ARGV are options of any command, with their
// values: what is behind them is the command.
int ctl_options_leading(int argc, char **argv);

// Prints the options such a command takes, as --help shows them.
void ctl_options_help(FILE *f, unsigned accepts);

// TEXT as a whole number from MIN to MAX. -EINVAL when it is none.
int ctl_options_number(const char *text, uint32_t min, uint32_t max,
		       uint32_t *ret_number);

#endif
