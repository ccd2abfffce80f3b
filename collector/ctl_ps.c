// SPDX-License-Identifier: Apache-2.0
//
// The table fits the terminal: on a narrow one the right columns are cut, a
// pipe gets them whole. Warnings follow their process, one a line.
#include "collector/ctl_ps.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_json.h"
#include "collector/ctl_target.h"
#include "collector/ctl_units.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static size_t terminal_width(void)
{
	struct winsize w;

	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) &&
	    w.ws_col)
		return w.ws_col;
	return LINE_MAX_BYTES;
}

// Cut to the width, in bytes: wrong by a few columns for a name that is not
// ASCII, which only cuts earlier.
__attribute__((format(printf, 1, 2))) static void put_line(const char *format,
							   ...)
{
	char line[LINE_MAX_BYTES];
	size_t width = terminal_width();
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (strlen(line) > width)
		line[width] = '\0';
	ctl_json_put_text(line);
	(void)putchar('\n');
}

static uint64_t count_samples(const json_t *process)
{
	const json_t *samples = json_object_get(process, "samples");
	const char *key;
	json_t *value;
	uint64_t n = 0;

	json_object_foreach((json_t *)samples, key, value) n +=
		ctl_json_number(samples, key);
	return n;
}

// The rates in the form `cprofctl set` takes, in the order of the settings.
static void print_rates(const json_t *process, char *ret_text, size_t size)
{
	const json_t *rates = json_object_get(process, "rates");
	size_t n = 0;

	*ret_text = '\0';
	for (int i = 0; i < SETTING_N; i++) {
		const struct setting_info *s = &setting_table[i];
		char value[CTL_UNITS_MAX];

		if (!*s->key || !json_object_get(rates, s->key) || n >= size)
			continue;
		n += (size_t)snprintf(
			ret_text + n, size - n, "%s%s=%s", n ? " " : "", s->key,
			ctl_units_setting(s->type,
					  ctl_json_number(rates, s->key),
					  value));
	}
}

static void put_process(const json_t *process)
{
	char up[CTL_UNITS_MAX], samples[CTL_UNITS_MAX], lost[CTL_UNITS_MAX];
	char rates[256];
	double overhead_pct =
		json_number_value(json_object_get(process, "overhead_pct"));
	const json_t *warnings = json_object_get(process, "warnings");
	json_t *warning;
	size_t i;

	print_rates(process, rates, sizeof(rates));
	put_line("%7llu %-15s %7s %8s %6s %7.2f%% %-6s %s",
		 (unsigned long long)ctl_json_number(process, "pid"),
		 ctl_json_text(process, "comm"),
		 ctl_units_time(ctl_json_number(process, "up_ns"), up),
		 ctl_units_count(count_samples(process), samples),
		 ctl_units_count(ctl_json_number(process, "lost"), lost),
		 overhead_pct, ctl_json_text(process, "transport"), rates);
	json_array_foreach(warnings, i, warning)
		put_line("%7s ! %s", "", json_string_value(warning));
}

static void put_table(const json_t *processes)
{
	json_t *process;
	size_t i;

	put_line("%7s %-15s %7s %8s %6s %8s %-6s %s", "PID", "COMMAND", "UP",
		 "SAMPLES", "LOST", "OVERHEAD", "VIA", "RATES");
	json_array_foreach(processes, i, process) put_process(process);
}

int ctl_ps(const struct ctl_options *options)
{
	json_t *root, *processes;
	int status;

	if (options->n_words)
		return ctl_fail(CTL_USAGE,
				"ps: '%s' is one word too many; it takes "
				"options only",
				options->words[0]);
	status = ctl_target_list(options->socket, &root, &processes);
	if (status)
		return status;
	if (options->is_json)
		ctl_json_print(root);
	else
		put_table(processes);
	json_decref(root);
	return CTL_OK;
}
