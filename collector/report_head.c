// SPDX-License-Identifier: Apache-2.0
//
// The same lines as pprof's.
#include "collector/report_head.h"

#include "collector/report_path.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S	 1000000000ll
#define FILTER_MAX_BYTES 80

static void put_time(struct buf *to, int64_t time_ns)
{
	time_t t = (time_t)(time_ns / NS_PER_S);
	struct tm tm;
	char month[16], zone[16];

	if (time_ns % NS_PER_S < 0)
		t--;
	if (!localtime_r(&t, &tm) ||
	    !strftime(month, sizeof(month), "%b", &tm) ||
	    !strftime(zone, sizeof(zone), "%Z", &tm))
		return;
	buf_printf(to, "Time: %s %d, %d at %d:%02d%s (%s)\n", month, tm.tm_mday,
		   tm.tm_year + 1900, tm.tm_hour % 12 ? tm.tm_hour % 12 : 12,
		   tm.tm_min, tm.tm_hour < 12 ? "am" : "pm", zone);
}

// How much of the time that went by is in the profile, where it is time.
static void put_duration(struct buf *to, const struct report *r)
{
	int64_t duration_ns = r->profile->duration_ns;
	const char *unit;
	double total_ns =
		report_units_scale(r->total, r->unit, "nanoseconds", &unit);

	buf_printf(to, "Duration: %s, Total samples = %s ",
		   report_units_label(duration_ns, "nanoseconds",
				      REPORT_UNITS_AUTO)
			   .text,
		   report_label(r, r->total).text);
	if (!strcmp(unit, "ns") && total_ns != 0)
		buf_printf(to, "(%s)",
			   report_units_percent(report_units_int(total_ns),
						duration_ns)
				   .text);
	buf_puts(to, "\n");
}

void report_head_profile(struct buf *to, const struct report *r)
{
	const struct report_profile *p = r->profile;

	if (p->n_mappings && p->mappings[0].file) {
		char *base = report_path_base(
			report_profile_text(p, p->mappings[0].file));

		buf_printf(to, "File: %s\n", base);
		free(base);
	}
	if (p->n_mappings && p->mappings[0].build_id)
		buf_printf(to, "Build ID: %s\n",
			   report_profile_text(p, p->mappings[0].build_id));
	for (size_t i = 0; i < p->n_comments; i++) {
		const char *comment = report_profile_text(p, p->comments[i]);

		if (*comment != '#')
			buf_printf(to, "%s\n", comment);
	}
	if (*r->type)
		buf_printf(to, "Type: %s\n", r->type);
	if (p->time_ns)
		put_time(to, p->time_ns);
	if (p->duration_ns)
		put_duration(to, r);
}

static void put_filter(struct buf *to, const char *name, const char *value,
		       bool *is_first)
{
	size_t n;

	if (!value || !*value)
		return;
	if (*is_first)
		buf_puts(to, "Active filters:\n");
	*is_first = false;
	n = strlen(name) + 1 + strlen(value);
	buf_printf(to, "   %s=", name);
	if (n <= FILTER_MAX_BYTES)
		buf_printf(to, "%s\n", value);
	else
		buf_printf(to, "%.*s\xe2\x80\xa6\n",
			   (int)(FILTER_MAX_BYTES - strlen(name) - 1), value);
}

static void put_filters(struct buf *to, const struct report_settings *s)
{
	bool is_first = true;

	put_filter(to, "focus", s->focus, &is_first);
	put_filter(to, "ignore", s->ignore, &is_first);
	put_filter(to, "hide", s->hide, &is_first);
	put_filter(to, "show", s->show, &is_first);
	put_filter(to, "show_from", s->show_from, &is_first);
	put_filter(to, "tagfocus", s->tagfocus, &is_first);
	put_filter(to, "tagignore", s->tagignore, &is_first);
	put_filter(to, "tagshow", s->tagshow, &is_first);
	put_filter(to, "taghide", s->taghide, &is_first);
}

static void put_dropped(struct buf *to, const struct report *r, size_t n,
			const char *noun, double fraction)
{
	int64_t cutoff =
		report_units_abs(report_units_int((double)r->total * fraction));

	if (n)
		buf_printf(to, "Dropped %zu %s%s (%s <= %s)\n", n, noun,
			   n > 1 ? "s" : "", *noun == 'n' ? "cum" : "freq",
			   report_label(r, cutoff).text);
}

void report_head_graph(struct buf *to, const struct report_graph *g,
		       const struct report_trim *t)
{
	const struct report *r = g->report;
	int64_t flat = 0;

	report_head_profile(to, r);
	for (size_t i = 0; i < g->n_shown; i++)
		flat = (int64_t)((uint64_t)flat +
				 (uint64_t)g->nodes.list[g->shown[i]].flat);
	put_filters(to, &r->settings);
	buf_printf(to, "Showing nodes accounting for %s, %s of %s total\n",
		   report_label(r, flat).text,
		   report_units_percent_bare(flat, r->total).text,
		   report_label(r, r->total).text);
	if (!r->total)
		return;
	put_dropped(to, r, t->n_dropped_nodes, "node",
		    r->settings.node_fraction);
	if (r->need.is_graph)
		put_dropped(to, r, t->n_dropped_edges, "edge",
			    r->settings.edge_fraction);
	if (g->n_shown && g->n_shown < t->n_nodes)
		buf_printf(to, "Showing top %zu nodes out of %zu\n", g->n_shown,
			   t->n_nodes);
}
