// SPDX-License-Identifier: Apache-2.0
//
// Patterns are matched once for each text, not for each frame.
#include "collector/report_filter.h"

#include "collector/report_mem.h"
#include "collector/report_names.h"
#include "collector/report_regex.h"
#include "collector/report_tags.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN, YES, NO };

// A pattern, and what it said of each text so far.
struct pattern {
	struct report_regex *regex; // NULL: not given
	uint8_t *said;		    // by number of the text
	const struct report_profile *p;
};

static int open_pattern(struct pattern *x, const struct report_profile *p,
			const char *text, const char *name,
			struct report_error *error)
{
	*x = (struct pattern){.p = p};
	if (!text || !*text)
		return 0;
	x->regex = report_regex_new(text, name, error);
	if (!x->regex)
		return -EINVAL;
	x->said = report_mem_zero(p->texts->n_texts, 1);
	return 0;
}

static void close_pattern(struct pattern *x)
{
	report_regex_free(x->regex);
	free(x->said);
}

static bool matches(struct pattern *x, uint32_t text)
{
	if (x->said[text] == UNKNOWN)
		x->said[text] =
			report_regex_matches(x->regex,
					     report_profile_text(x->p, text))
				? YES
				: NO;
	return x->said[text] == YES;
}

static bool matches_line(struct pattern *x, const struct report_line *line)
{
	const struct report_function *f = &x->p->functions[line->function];

	return matches(x, f->name) || matches(x, f->file);
}

static bool matches_mapping(struct pattern *x, const struct report_location *l)
{
	return l->mapping != REPORT_NONE &&
	       matches(x, x->p->mappings[l->mapping].file);
}

static bool matches_location(struct pattern *x, const struct report_location *l)
{
	for (uint32_t i = 0; i < l->n_lines; i++)
		if (matches_line(x, &x->p->lines[l->first_line + i]))
			return true;
	return matches_mapping(x, l);
}

// Keeps the lines of L that match as IS_KEPT says, or all where its mapping
// does.
static void keep_lines(struct report_profile *p, struct report_location *l,
		       struct pattern *x, bool is_kept)
{
	struct report_line *lines = p->lines + l->first_line;
	uint32_t n = 0;

	if (matches_mapping(x, l)) {
		l->n_lines = is_kept ? l->n_lines : 0;
		return;
	}
	for (uint32_t i = 0; i < l->n_lines; i++)
		if (matches_line(x, &lines[i]) == is_kept)
			lines[n++] = lines[i];
	l->n_lines = n;
}

// What was found out about the locations.
struct marks {
	bool *is_focused, *is_ignored, *is_hidden;
	bool has_focused, has_ignored, has_hidden, has_shown;
};

struct name_filters {
	struct pattern focus, ignore, hide, show;
};

static void mark_location(struct report_profile *p, size_t i,
			  struct name_filters *f, struct marks *m)
{
	struct report_location *l = &p->locations[i];

	if (f->ignore.regex && matches_location(&f->ignore, l))
		m->is_ignored[i] = m->has_ignored = true;
	else if (!f->focus.regex || matches_location(&f->focus, l))
		m->is_focused[i] = m->has_focused = true;
	if (f->hide.regex && matches_location(&f->hide, l)) {
		m->has_hidden = true;
		keep_lines(p, l, &f->hide, false);
		m->is_hidden[i] = !l->n_lines;
	}
	if (f->show.regex) {
		keep_lines(p, l, &f->show, true);
		if (l->n_lines)
			m->has_shown = true;
		else
			m->is_hidden[i] = true;
	}
}

static bool is_wanted(const struct report_profile *p,
		      const struct report_sample *s, const struct marks *m)
{
	bool is_focused = false;

	for (uint32_t i = 0; i < s->n_frames; i++) {
		uint32_t at = p->stack[s->first_frame + i];

		if (m->is_ignored[at])
			return false;
		is_focused |= m->is_focused[at];
	}
	return is_focused;
}

// Takes the hidden frames out. False when none are left because of it.
static bool hide_frames(struct report_profile *p, struct report_sample *s,
			const struct marks *m)
{
	uint32_t *stack = p->stack + s->first_frame;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_frames; i++)
		if (!m->is_hidden[stack[i]])
			stack[n++] = stack[i];
	if (!n && s->n_frames)
		return false;
	s->n_frames = n;
	return true;
}

static void filter_names(struct report_profile *p, struct name_filters *f,
			 struct marks *m)
{
	bool *keep = report_mem_zero(p->n_samples, sizeof(*keep));

	m->is_focused = report_mem_zero(p->n_locations, sizeof(bool));
	m->is_ignored = report_mem_zero(p->n_locations, sizeof(bool));
	m->is_hidden = report_mem_zero(p->n_locations, sizeof(bool));
	for (size_t i = 0; i < p->n_locations; i++)
		mark_location(p, i, f, m);
	for (size_t i = 0; i < p->n_samples; i++)
		keep[i] = is_wanted(p, &p->samples[i], m) &&
			  hide_frames(p, &p->samples[i], m);
	report_profile_keep_samples(p, keep);
	free(m->is_focused);
	free(m->is_ignored);
	free(m->is_hidden);
	free(keep);
}

static int apply_names(struct report_profile *p,
		       const struct report_settings *s,
		       report_filter_idle_fn *idle, struct report_error *error)
{
	struct name_filters f = {0};
	struct marks m = {0};
	int err = open_pattern(&f.focus, p, s->focus, "--focus", error);

	if (!err)
		err = open_pattern(&f.ignore, p, s->ignore, "--ignore", error);
	if (!err)
		err = open_pattern(&f.hide, p, s->hide, "--hide", error);
	if (!err)
		err = open_pattern(&f.show, p, s->show, "--show", error);
	if (!err)
		filter_names(p, &f, &m);
	if (!err && f.focus.regex && !m.has_focused)
		idle("--focus");
	if (!err && f.ignore.regex && !m.has_ignored)
		idle("--ignore");
	if (!err && f.hide.regex && !m.has_hidden)
		idle("--hide");
	if (!err && f.show.regex && !m.has_shown)
		idle("--show");
	close_pattern(&f.focus);
	close_pattern(&f.ignore);
	close_pattern(&f.hide);
	close_pattern(&f.show);
	return err;
}

// Whether L matches; what is rootward of the outermost line that does goes.
static bool cut_lines(struct pattern *x, struct report_location *l)
{
	if (matches_mapping(x, l))
		return true;
	for (uint32_t i = l->n_lines; i; i--)
		if (matches_line(x, &x->p->lines[l->first_line + i - 1])) {
			l->n_lines = i;
			return true;
		}
	return false;
}

static int apply_show_from(struct report_profile *p,
			   const struct report_settings *s,
			   report_filter_idle_fn *idle,
			   struct report_error *error)
{
	struct pattern x;
	bool *is_match, *keep, has_match = false;
	int err = open_pattern(&x, p, s->show_from, "--show-from", error);

	if (err || !x.regex)
		return err;
	is_match = report_mem_zero(p->n_locations, sizeof(bool));
	keep = report_mem_zero(p->n_samples, sizeof(bool));
	for (size_t i = 0; i < p->n_locations; i++) {
		is_match[i] = cut_lines(&x, &p->locations[i]);
		has_match |= is_match[i];
	}
	for (size_t i = 0; i < p->n_samples; i++) {
		struct report_sample *a = &p->samples[i];
		uint32_t n = a->n_frames;

		while (n && !is_match[p->stack[a->first_frame + n - 1]])
			n--;
		a->n_frames = n;
		keep[i] = n != 0;
	}
	report_profile_keep_samples(p, keep);
	if (!has_match)
		idle("--show-from");
	free(is_match);
	free(keep);
	close_pattern(&x);
	return 0;
}

int report_filter_apply(struct report_profile *p,
			const struct report_settings *s,
			report_filter_idle_fn *idle, struct report_error *error)
{
	int err = apply_names(p, s, idle, error);

	if (!err)
		err = apply_show_from(p, s, idle, error);
	if (!err)
		err = report_tags_filter(p, s, idle, error);
	return err;
}

// The outermost of L's lines that is dropped, + 1; 0 for none.
static uint32_t find_dropped(const struct report_profile *p,
			     const struct report_location *l,
			     struct pattern *drop, struct pattern *keep)
{
	for (uint32_t i = l->n_lines; i; i--) {
		uint32_t name =
			p->functions[p->lines[l->first_line + i - 1].function]
				.name;
		char *bare;
		bool is_dropped;

		if (!name)
			continue;
		bare = report_names_bare(report_profile_text(p, name));
		is_dropped = report_regex_matches(drop->regex, bare) &&
			     !(keep->regex &&
			       report_regex_matches(keep->regex, bare));
		free(bare);
		if (is_dropped)
			return i;
	}
	return 0;
}

enum { STAYS, IS_CUT, IS_DROPPED };

// From the root, but not before the first frame that stays.
static void cut_stack(struct report_profile *p, struct report_sample *s,
		      const uint8_t *fate)
{
	bool has_stayed = false;

	for (uint32_t i = s->n_frames; i; i--) {
		uint8_t f = fate[p->stack[s->first_frame + i - 1]];
		uint32_t n_cut = f == IS_DROPPED ? i : i - 1;

		if (f == STAYS)
			has_stayed = true;
		if (f == STAYS || !has_stayed)
			continue;
		s->first_frame += n_cut;
		s->n_frames -= n_cut;
		return;
	}
}

static void drop(struct report_profile *p, struct pattern *dropped,
		 struct pattern *kept)
{
	uint8_t *fate = report_mem_zero(p->n_locations, 1);

	for (size_t i = 0; i < p->n_locations; i++) {
		struct report_location *l = &p->locations[i];
		uint32_t n = find_dropped(p, l, dropped, kept);

		if (!n)
			continue;
		fate[i] = n == l->n_lines ? IS_DROPPED : IS_CUT;
		if (fate[i] == IS_CUT) {
			l->first_line += n;
			l->n_lines -= n;
		}
	}
	for (size_t i = 0; i < p->n_samples; i++)
		cut_stack(p, &p->samples[i], fate);
	free(fate);
}

// Anchored at both ends, as the format says.
static int open_anchored(struct pattern *x, const struct report_profile *p,
			 uint32_t text, struct report_error *error)
{
	const char *t = report_profile_text(p, text);
	char *anchored;
	int err;

	if (!*t)
		return open_pattern(x, p, NULL, "", error);
	anchored = report_mem_zero(strlen(t) + 5, 1);
	(void)strcat(strcat(strcpy(anchored, "^("), t), ")$");
	err = open_pattern(x, p, anchored, "drop_frames", error);
	free(anchored);
	return err;
}

void report_filter_drop_frames(struct report_profile *p)
{
	struct pattern dropped = {0}, kept = {0};
	struct report_error ignored;

	// A pattern of the profile that can't be read drops nothing.
	if (!open_anchored(&dropped, p, p->drop_frames, &ignored) &&
	    dropped.regex && !open_anchored(&kept, p, p->keep_frames, &ignored))
		drop(p, &dropped, &kept);
	close_pattern(&dropped);
	close_pattern(&kept);
}
