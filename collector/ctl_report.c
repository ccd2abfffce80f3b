// SPDX-License-Identifier: Apache-2.0
//
// A word that is a kind of profile means a running process, also where a file
// is called so: "./heap" is the file.
#include "collector/ctl_report.h"

#include "collector/ctl_fail.h"
#include "collector/ctl_profile.h"
#include "collector/ctl_render.h"

#include <string.h>

// What follows the command's name and its pattern.
struct words {
	char **words;
	int n;
	const char *pattern;
};

static int kind_of(const char *word)
{
	return kind_find(word, strlen(word));
}

static int read_files(struct ctl_render *r, struct ctl_render_set *set,
		      char **paths, int n)
{
	int status = CTL_OK;

	for (int i = 0; i < n && !status; i++)
		status = ctl_render_file(r, set, paths[i]);
	return status;
}

static int read_live(struct ctl_render *r, const struct ctl_options *o,
		     enum kind kind, const struct words *w)
{
	const char *word = w->n > 1 ? w->words[1] : NULL;
	struct ctl_target target;
	int status;

	if (w->n > 2)
		return ctl_fail(CTL_USAGE, "'%s' is one word too many",
				w->words[2]);
	if (word && o->pid)
		return ctl_fail(CTL_USAGE,
				"'%s' and -p %u are two targets, but only one "
				"is allowed",
				word, o->pid);
	status = ctl_target_choose(o, word, &target);
	return status ? status : ctl_profile_read(o, &target, kind, r);
}

// What only a profile that is taken now can have.
static int check_live_options(const struct ctl_options *o)
{
	const char *name = o->given[CTL_OPTION_SECONDS] ? "seconds"
			   : o->given[CTL_OPTION_HZ]	? "hz"
							: NULL;

	return name ? ctl_fail(CTL_USAGE,
			       "%s: --%s is not allowed with files, but with a "
			       "kind of a running process",
			       o->command, name)
		    : CTL_OK;
}

static int read_sources(struct ctl_render *r, const struct ctl_options *o,
			const struct words *w)
{
	int kind, status;

	if (!w->n)
		return ctl_fail(CTL_USAGE,
				"%s: no profile given; name a file, or a kind "
				"(profile, heap, allocs, block, mutex, "
				"threadcreate, threads) of a running process",
				o->command);
	kind = kind_of(w->words[0]);
	if (kind >= 0)
		return read_live(r, o, (enum kind)kind, w);
	if (o->pid)
		return ctl_fail(CTL_USAGE,
				"'%s' is no kind of profile to take of process "
				"%u; there are profile, heap, allocs, block, "
				"mutex, threadcreate and threads",
				w->words[0], o->pid);
	status = check_live_options(o);
	return status ? status : read_files(r, &r->sources, w->words, w->n);
}

static int read_base(struct ctl_render *r, const struct ctl_options *o)
{
	const char *base = o->given[CTL_OPTION_BASE];
	const char *diff_base = o->given[CTL_OPTION_DIFF_BASE];

	if (base && diff_base)
		return ctl_fail(CTL_USAGE,
				"--base and --diff-base are both given, but "
				"only one is allowed");
	r->is_diff = diff_base;
	if (!base && !diff_base)
		return CTL_OK;
	return ctl_render_file(r, &r->bases, base ? base : diff_base);
}

// The first word, where the report takes a pattern.
static int take_pattern(const struct report_format *format, struct words *w)
{
	w->pattern = NULL;
	if (!format->has_pattern)
		return CTL_OK;
	if (!w->n)
		return ctl_fail(CTL_USAGE, "%s: no REGEX given", format->name);
	w->pattern = w->words[0];
	w->words++;
	w->n--;
	return CTL_OK;
}

int ctl_report(const struct ctl_options *options)
{
	const struct report_format *format =
		report_format_find(options->command);
	struct words w = {options->words, options->n_words, NULL};
	struct ctl_render r;
	int status = take_pattern(format, &w);

	if (status)
		return status;
	ctl_render_init(&r);
	status = read_base(&r, options);
	if (!status)
		status = read_sources(&r, options, &w);
	if (!status)
		status = ctl_render_write(&r, format, options, w.pattern);
	ctl_render_fini(&r);
	return status;
}

// The report's name may stand before the files.
static const struct report_format *take_format(struct words *w)
{
	const struct report_format *format =
		w->n > 2 ? report_format_find(w->words[0]) : NULL;

	if (!format)
		return report_format_find("top");
	w->words++;
	w->n--;
	return format;
}

static int check_diff(const struct words *w)
{
	if (w->n == 3)
		return ctl_fail(CTL_USAGE,
				"diff: '%s' is no report; it takes [REPORT "
				"[REGEX]] BASE FILE, where REPORT is top, tree "
				"or another of cprofctl --help",
				w->words[0]);
	if (w->n != 2)
		return ctl_fail(CTL_USAGE,
				"diff takes two files, BASE and FILE, but "
				"there are %d",
				w->n);
	return CTL_OK;
}

int ctl_diff(const struct ctl_options *options)
{
	struct words w = {options->words, options->n_words, NULL};
	const struct report_format *format = take_format(&w);
	struct ctl_render r;
	int status = take_pattern(format, &w);

	if (!status)
		status = check_diff(&w);
	if (status)
		return status;
	ctl_render_init(&r);
	r.is_diff = true;
	status = read_files(&r, &r.bases, w.words, 1);
	if (!status)
		status = read_files(&r, &r.sources, w.words + 1, 1);
	if (!status)
		status = ctl_render_write(&r, format, options, w.pattern);
	ctl_render_fini(&r);
	return status;
}

int ctl_merge(const struct ctl_options *options)
{
	struct ctl_render r;
	int status;

	if (!options->n_words)
		return ctl_fail(CTL_USAGE, "merge: no file given");
	if (options->out && report_format_of_file(options->out))
		return ctl_fail(CTL_USAGE,
				"merge: -o '%s' is not allowed, since it "
				"would be a profile, but FILE.pb.gz",
				options->out);
	ctl_render_init(&r);
	status = read_files(&r, &r.sources, options->words, options->n_words);
	if (!status)
		status = ctl_render_write(&r, &report_format_proto, options,
					  NULL);
	ctl_render_fini(&r);
	return status;
}
