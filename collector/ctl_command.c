// SPDX-License-Identifier: Apache-2.0
//
// A command is a row of ctl_command.def or a kind of profile, under its own
// name or Go's.
#include "collector/ctl_command.h"

#include "collector/ctl_check.h"
#include "collector/ctl_doctor.h"
#include "collector/ctl_dump.h"
#include "collector/ctl_fail.h"
#include "collector/ctl_help.h"
#include "collector/ctl_leaks.h"
#include "collector/ctl_options.h"
#include "collector/ctl_paths.h"
#include "collector/ctl_profile.h"
#include "collector/ctl_ps.h"
#include "collector/ctl_report.h"
#include "collector/ctl_run.h"
#include "collector/ctl_set.h"
#include "collector/ctl_stats.h"
#include "collector/ctl_trace.h"
#include "collector/ctl_web.h"
#include "collector/report_format.h"
#include "proto/kind.h"
#include "proto/version.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 16

typedef int command_fn(const struct ctl_options *options);

struct command {
	const char *name;
	const char *args;
	unsigned accepts;
	const char *help;
	command_fn *run; // NULL: a kind of profile
	enum kind kind;
};

static const struct command command_table[] = {
#define COMMAND(id, args, accepts, help) \
	{#id, args, accepts, help, ctl_##id, KIND_N},
#include "collector/ctl_command.def"
#undef COMMAND
};

#define N_COMMANDS ((int)(sizeof(command_table) / sizeof(*command_table)))

// Go's name first: it is the one people know. But there are no goroutines
// here.
static const char *kind_command(int kind)
{
	const struct kind_info *info = &kind_table[kind];

	return *info->alias && kind != KIND_THREADS ? info->alias : info->name;
}

// The other one, of a kind that has two.
static const char *other_name(int kind)
{
	const struct kind_info *info = &kind_table[kind];

	return kind_command(kind) == info->name ? info->alias : info->name;
}

// A report's command.
static int find_report(const char *name, struct command *ret_command)
{
	const struct report_format *format = report_format_find(name);

	if (!format)
		return -ENOENT;
	*ret_command = (struct command){
		.name = format->name,
		.args = format->has_pattern
				? "REGEX FILE...|KIND [TARGET] [OPTIONS]"
				: "FILE...|KIND [TARGET] [OPTIONS]",
		.accepts = CTL_REPORT_ACCEPTS,
		.help = format->help,
		.run = ctl_report};
	return 0;
}

static int find_command(const char *name, struct command *ret_command)
{
	int kind = kind_find(name, strlen(name));

	for (int i = 0; i < N_COMMANDS; i++)
		if (!strcmp(command_table[i].name, name)) {
			*ret_command = command_table[i];
			return 0;
		}
	if (kind < 0)
		return find_report(name, ret_command);
	*ret_command = (struct command){.name = name,
					.args = "[TARGET] [OPTIONS]",
					.accepts = ctl_profile_accepts(kind),
					.help = kind_table[kind].help,
					.kind = (enum kind)kind};
	return 0;
}

static void print_usage(FILE *f)
{
	(void)fprintf(f, "usage: cprofctl COMMAND [TARGET] [OPTIONS]\n\n"
			 "Profiles native programs that run under "
			 "libcprof.so.\n\ncommands:\n");
	for (int i = 0; i < N_COMMANDS; i++)
		ctl_help_row(f, command_table[i].name, HELP_COLUMN,
			     command_table[i].help);
	for (int i = 0; i < KIND_N; i++) {
		const struct kind_info *info = &kind_table[i];
		char help[256];

		(void)snprintf(help, sizeof(help), "%s%s%s%s", info->help,
			       *info->alias ? " (also called " : "",
			       *info->alias ? other_name(i) : "",
			       *info->alias ? ")" : "");
		ctl_help_row(f, kind_command(i), HELP_COLUMN, help);
	}
	(void)fprintf(f, "\nreports, on FILE... or on a KIND of profile:\n");
	for (int i = 0; i < REPORT_FORMAT_N; i++)
		ctl_help_row(f, report_formats[i].name, HELP_COLUMN,
			     report_formats[i].help);
	(void)fprintf(f,
		      "\nTARGET is -p PID, a pid or a command name; it may be "
		      "left out where just one\nprocess is being profiled.\n"
		      "'cprofctl COMMAND --help' lists a command's options; "
		      "see also cprofctl(1).\n");
}

static void print_help(const struct command *c)
{
	(void)printf("usage: cprofctl %s %s\n\n%s\n\noptions:\n", c->name,
		     c->args, c->help);
	ctl_options_help(stdout, c->accepts);
}

static int refuse_command(const char *name)
{
	char list[512];
	size_t n = 0;

	for (int i = 0; i < N_COMMANDS && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
				      i ? ", " : "", command_table[i].name);
	for (int i = 0; i < KIND_N && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, ", %s",
				      kind_command(i));
	for (int i = 0; i < REPORT_FORMAT_N && n < sizeof(list); i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, ", %s",
				      report_formats[i].name);
	return ctl_fail(CTL_USAGE, "unknown command '%s'; there are %s", name,
			list);
}

static int run_command(const struct command *c, int argc, char **argv)
{
	char socket[SOCKET_NAME_MAX_BYTES + 1];
	struct ctl_options options;
	int status = ctl_options_read(argc, argv, c->accepts, &options);

	if (status)
		return status;
	if (options.is_help) {
		print_help(c);
		return CTL_OK;
	}
	status = ctl_paths_socket(options.socket, socket);
	if (status)
		return status;
	options.socket = socket;
	return c->run ? c->run(&options) : ctl_profile(&options, c->kind);
}

// The commands' own output is only as good as stdout is.
static int check_stdout(int status)
{
	if (fflush(stdout) || ferror(stdout))
		return status ? status
			      : ctl_fail(CTL_FAILED,
					 "cannot write to stdout: %s",
					 strerror(errno));
	return status;
}

static int help(const char *name)
{
	struct command command;

	if (!name) {
		print_usage(stdout);
		return CTL_OK;
	}
	if (find_command(name, &command))
		return refuse_command(name);
	print_help(&command);
	return CTL_OK;
}

static bool is_one_of(const char *word, const char *a, const char *b,
		      const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

// Does what ARGV, which begins with a command or what stands for one, says.
static int dispatch(int argc, char **argv)
{
	const char *name = argv[0];
	struct command command;

	if (is_one_of(name, "help", "--help", "-h"))
		return help(argc > 1 ? argv[1] : NULL);
	if (is_one_of(name, "version", "--version", "-V")) {
		(void)printf("cprofctl " CPROF_VERSION "\n");
		return CTL_OK;
	}
	if (find_command(name, &command))
		return refuse_command(name);
	return run_command(&command, argc, argv);
}

// Options may stand before the command, as in other programs: the command goes
// to the front, and what it does not take it refuses by name.
static void move_command(int n_leading, char **argv)
{
	char *command = argv[n_leading];

	memmove(argv + 1, argv, (size_t)n_leading * sizeof(*argv));
	argv[0] = command;
}

int ctl_command_main(int argc, char **argv)
{
	int n = ctl_options_leading(argc - 1, argv + 1);

	if (argc < 2 || !*argv[1]) {
		print_usage(stderr);
		return CTL_USAGE;
	}
	if (n < argc - 1) {
		move_command(n, argv + 1);
		return check_stdout(dispatch(argc - 1, argv + 1));
	}
	if (!is_one_of(argv[n], "--help", "-h", "--version"))
		return ctl_fail(CTL_USAGE,
				"no command behind '%s'; see cprofctl --help",
				argv[n]);
	return check_stdout(dispatch(1, argv + n));
}
