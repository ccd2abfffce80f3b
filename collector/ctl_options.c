// SPDX-License-Identifier: Apache-2.0
//
// Two tables, one parser: getopt_long gets the options a command takes and
// nothing else, so that an option of another command is refused by name. The
// names of `run`'s settings come from their variables: CPROF_HEAP_RATE is
// --heap-rate.
#include "collector/ctl_options.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_help.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

#define SECONDS_MAX	  86400u
#define HZ_MAX		  10000u
#define NS_PER_SECOND	  1000000000ull
#define HELP_COLUMN	  29
#define NAME_MAX_BYTES	  32
#define ENV_PREFIX	  "CPROF_"
#define ENV_PREFIX_LENGTH (sizeof(ENV_PREFIX) - 1)
// What getopt_long returns for setting or option i; above any character.
#define SETTING_VALUE 256
#define OPTION_VALUE  (SETTING_VALUE + SETTING_N)

struct option_info {
	const char *name;
	char letter;
	const char *arg;
	unsigned groups;
	const char *help;
};

static const struct option_info option_table[CTL_OPTION_N] = {
#define OPTION(id, name, letter, arg, groups, help) \
	{name, letter, arg, groups, help},
#include "collector/ctl_options.def"
#undef OPTION
};

// What getopt_long is given for one command.
struct grammar {
	struct option longs[CTL_OPTION_N + SETTING_N + 1];
	char names[SETTING_N][NAME_MAX_BYTES];
	char letters[2 * CTL_OPTION_N + 3];
};

// A setting is an option of run unless it is one of cprofctl's own (socket),
// or would make profiling pointless (CPROF itself).
static bool is_run_option(int setting)
{
	return setting != SETTING_ENABLED && setting != SETTING_SOCKET;
}

// CPROF_HEAP_RATE as heap-rate.
static void name_setting(const char *env, char *ret_name)
{
	size_t i = 0;

	for (const char *c = env + ENV_PREFIX_LENGTH;
	     *c && i < NAME_MAX_BYTES - 1; c++)
		ret_name[i++] = *c == '_' ? '-' : (char)tolower(*c);
	ret_name[i] = '\0';
}

static void add_settings(struct grammar *g, struct option *o)
{
	for (int i = 0; i < SETTING_N; i++) {
		if (!is_run_option(i))
			continue;
		name_setting(setting_table[i].env, g->names[i]);
		*o++ = (struct option){g->names[i], required_argument, NULL,
				       SETTING_VALUE + i};
	}
}

static void make_grammar(struct grammar *g, unsigned accepts)
{
	struct option *o = g->longs;
	char *letter = g->letters;

	memset(g, 0, sizeof(*g));
	// run: what follows the program's name is the program's.
	if (accepts & CTL_FOR_RUN)
		*letter++ = '+';
	*letter++ = ':';
	for (int i = 0; i < CTL_OPTION_N; i++) {
		const struct option_info *info = &option_table[i];

		if (!(info->groups & accepts))
			continue;
		*o++ = (struct option){
			info->name, info->arg ? required_argument : no_argument,
			NULL, OPTION_VALUE + i};
		if (!info->letter)
			continue;
		*letter++ = info->letter;
		if (info->arg)
			*letter++ = ':';
	}
	if (accepts & CTL_FOR_RUN)
		add_settings(g, o);
}

int ctl_options_number(const char *text, uint32_t min, uint32_t max,
		       uint32_t *ret_number)
{
	uint64_t v;

	// VALUE_COUNT takes digits only: no blank, no sign.
	if (setting_parse(VALUE_COUNT, text, &v) || v < min || v > max)
		return -EINVAL;
	*ret_number = (uint32_t)v;
	return 0;
}

// A plain number is seconds; with a unit it must come to whole ones.
static int read_seconds(const char *text, uint32_t *ret_seconds)
{
	uint64_t ns;

	if (!ctl_options_number(text, 1, SECONDS_MAX, ret_seconds))
		return 0;
	if (setting_parse(VALUE_TIME, text, &ns) || !ns || ns % NS_PER_SECOND ||
	    ns / NS_PER_SECOND > SECONDS_MAX)
		return -EINVAL;
	*ret_seconds = (uint32_t)(ns / NS_PER_SECOND);
	return 0;
}

static int refuse(const char *option, const char *text, const char *allowed)
{
	return ctl_fail(CTL_USAGE, "--%s: '%s' is not allowed, but %s", option,
			text, allowed);
}

static int take_setting(struct ctl_options *o, int setting, const char *name,
			const char *text)
{
	enum setting_type type = setting_table[setting].type;
	uint64_t v;

	if (setting_parse(type, text, &v))
		return refuse(name, text, setting_allowed(type));
	o->settings[setting] = text;
	return CTL_OK;
}

// The option that getopt_long means by VALUE, a letter or an OPTION_VALUE.
static int find_option(int value, unsigned accepts)
{
	if (value >= OPTION_VALUE)
		return value - OPTION_VALUE;
	for (int i = 0; i < CTL_OPTION_N; i++)
		if (option_table[i].letter == value &&
		    option_table[i].groups & accepts)
			return i;
	return CTL_OPTION_HELP; // never: only these are in the grammar
}

static int take_option(struct ctl_options *o, int option, const char *text)
{
	int letter = option_table[option].letter;

	o->given[option] = text ? text : "";
	if (letter == 'p' && ctl_options_number(text, 1, INT32_MAX, &o->pid))
		return refuse("pid", text, "a process id");
	if (letter == 's' && read_seconds(text, &o->seconds))
		return refuse("seconds", text,
			      "a whole number of seconds from 1 to 86400, or "
			      "a time such as 90s, 2m or 1h");
	if (letter == 'F' && ctl_options_number(text, 1, HZ_MAX, &o->hz))
		return refuse("hz", text, "a whole number from 1 to 10000");
	if (letter == 'o') {
		if (!*text)
			return refuse("output", text, "a file's name or -");
		o->out = text;
	}
	if (letter == 'S') {
		if (!*text)
			return refuse("socket", text, "a socket's name");
		o->socket = text;
	}
	if (letter == 'j')
		o->is_json = true;
	if (letter == 'h')
		o->is_help = true;
	return CTL_OK;
}

// What a command takes, for the error about an option it doesn't.
static void list_options(const struct grammar *g, size_t size, char *ret_list)
{
	size_t n = 0;

	*ret_list = '\0';
	for (const struct option *o = g->longs; o->name && n < size; o++)
		n += (size_t)snprintf(ret_list + n, size - n, "%s--%s",
				      n ? ", " : "", o->name);
}

static int refuse_option(const struct grammar *g, int argc, char **argv)
{
	char list[1024];
	// A bad long option has been stepped over, a bad letter may not.
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";

	list_options(g, sizeof(list), list);
	if (optopt && optopt < SETTING_VALUE && isprint(optopt) &&
	    strncmp(word, "--", 2))
		return ctl_fail(CTL_USAGE,
				"%s: unknown option '-%c'; it takes %s",
				argv[0], optopt, list);
	return ctl_fail(CTL_USAGE, "%s: unknown option '%s'; it takes %s",
			argv[0], word, list);
}

static int refuse_bare(const char *command, const char *option)
{
	return ctl_fail(CTL_USAGE, "%s: '%s' needs a value", command, option);
}

int ctl_options_read(int argc, char **argv, unsigned accepts,
		     struct ctl_options *ret_options)
{
	struct grammar g;
	struct ctl_options o = {.command = argv[0]};
	int c, status = CTL_OK, i_long = 0;

	accepts |= CTL_FOR_ANY;
	make_grammar(&g, accepts);
	opterr = 0;
	optind = 0;
	while (status == CTL_OK && (c = getopt_long(argc, argv, g.letters,
						    g.longs, &i_long)) != -1) {
		if (c == '?')
			return refuse_option(&g, argc, argv);
		if (c == ':')
			return refuse_bare(argv[0], argv[optind - 1]);
		// `run --cpuprofile -- PROG`
		if (optarg && !strcmp(argv[optind - 1], "--"))
			return refuse_bare(argv[0], argv[optind - 2]);
		if (c >= SETTING_VALUE && c < OPTION_VALUE)
			status = take_setting(&o, c - SETTING_VALUE,
					      g.longs[i_long].name, optarg);
		else
			status = take_option(&o, find_option(c, accepts),
					     optarg);
	}
	if (status != CTL_OK)
		return status;
	o.words = argv + optind;
	o.n_words = argc - optind;
	*ret_options = o;
	return CTL_OK;
}

// Does the option NAME (of N characters, maybe cut short) have a value behind
// it? run's settings all have; what is unknown is refused by the command.
static bool takes_value(const char *name, size_t n)
{
	for (int i = 0; i < CTL_OPTION_N; i++)
		if (!strncmp(option_table[i].name, name, n))
			return option_table[i].arg != NULL;
	return true;
}

static bool letter_takes_value(char letter)
{
	for (int i = 0; i < CTL_OPTION_N; i++)
		if (option_table[i].letter == letter)
			return option_table[i].arg != NULL;
	return false;
}

// WORD is an option whose value, if it has one, is the next word.
static bool wants_next(const char *word)
{
	if (word[1] == '-')
		return !strchr(word, '=') &&
		       takes_value(word + 2, strlen(word + 2));
	// Letters may stand together; the first that takes a value has the
	// rest.
	for (word++; *word; word++)
		if (letter_takes_value(*word))
			return !word[1];
	return false;
}

int ctl_options_leading(int argc, char **argv)
{
	int n = 0;

	while (n < argc && argv[n][0] == '-' && argv[n][1] &&
	       strcmp(argv[n], "--"))
		n += wants_next(argv[n]) ? 2 : 1;
	return n < argc ? n : argc;
}

static void print_settings(FILE *f)
{
	for (int i = 0; i < SETTING_N; i++) {
		const struct setting_info *s = &setting_table[i];
		char name[NAME_MAX_BYTES], left[64], help[256];

		if (!is_run_option(i))
			continue;
		name_setting(s->env, name);
		(void)snprintf(left, sizeof(left), "    --%s VALUE", name);
		(void)snprintf(help, sizeof(help), "%s%s%s%s", s->help,
			       *s->def ? " (default " : "", s->def,
			       *s->def ? ")" : "");
		ctl_help_row(f, left, HELP_COLUMN, help);
	}
}

void ctl_options_help(FILE *f, unsigned accepts)
{
	for (int i = 0; i < CTL_OPTION_N; i++) {
		const struct option_info *info = &option_table[i];
		char left[64];

		if (!(info->groups & (accepts | CTL_FOR_ANY)))
			continue;
		(void)snprintf(left, sizeof(left), "%c%c%c --%s%s%s",
			       info->letter ? '-' : ' ',
			       info->letter ? info->letter : ' ',
			       info->letter ? ',' : ' ', info->name,
			       info->arg ? " " : "",
			       info->arg ? info->arg : "");
		ctl_help_row(f, left, HELP_COLUMN, info->help);
	}
	if (accepts & CTL_FOR_RUN)
		print_settings(f);
}
